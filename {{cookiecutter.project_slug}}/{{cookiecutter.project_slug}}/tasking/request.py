"""The worker's view of a task that it has received."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.task import Context
from celery.worker import request
from kombu import Message


def context_of(message: Message) -> Context:
    """Return what a message says of its task and of the workflow around it, as `task.request` would.

    Raises whatever decoding raises if the message is unreadable, and ValueError or TypeError if it is no task's.
    """
    args, kwargs, embed = message.decode()
    return Context({**(message.headers or {}), **(embed or {})}, args=args, kwargs=kwargs)


class Request(request.Request):  # type: ignore[misc]
    """A request whose task is the current one while its failure is handled.

    Then who listens to `task_failure` - dead letters, logs, Sentry - finds id, arguments and workflow in `task.request`
    whatever ended the task. Celery's own does so for a lost child, but not at a hard time limit or for a rejection.
    """

    @contextmanager
    def _as_current(self) -> Iterator[None]:
        self.task.request_stack.push(self._context)
        try:
            yield
        finally:
            self.task.request_stack.pop()

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Handle an exceeded time limit; at the hard one, the failure of the task."""
        with self._as_current():
            super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Handle what a task raised, or the loss of the process that ran it."""
        with self._as_current():
            return super().on_failure(exc_info, send_failed_event, return_ok)

    def _success_was_stored(self) -> Any:
        """Return the result of a lost child if it stored one; it may have died before its chord knew."""
        success = super()._success_was_stored()
        if success and self.chord:
            self.task.backend.on_chord_part_return(self._context, success["status"], success["result"])
        return success
