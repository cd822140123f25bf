"""The worker's view of a task that it has received."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from billiard.exceptions import Terminated
from celery.app import pop_current_task, push_current_task
from celery.app.task import Context
from celery.exceptions import Ignore, Reject, Retry, TimeLimitExceeded
from celery.worker import request
from celery.worker.strategy import hybrid_to_proto2
from kombu import Message

from .metrics import worker as metrics


def context_of(message: Message) -> Any:
    """Return what a message says of its task and of the workflow around it, as `task.request` would.

    Raises whatever decoding raises if the message is unreadable, and ValueError or TypeError if it is no task's.
    """
    body, headers = message.decode(), message.headers or {}
    if isinstance(body, dict):  # protocol 1, which clients in other languages send
        body, headers, *_ = hybrid_to_proto2(message, body)
    args, kwargs, embed = body
    if not (headers.get("id") and headers.get("task") and isinstance(args, list | tuple) and isinstance(kwargs, dict)):
        msg = "no task's message"
        raise ValueError(msg)
    # Without delivery_info, Celery fails where it calls an errback.
    context = {**headers, **(embed or {}), "delivery_info": message.delivery_info or {}}
    return Context(context, args=args, kwargs=kwargs)


class Request(request.Request):  # type: ignore[misc]
    """A request whose task is the current one while its failure is handled.

    Then who listens to `task_failure` - dead letters, logs, Sentry - finds id, arguments and workflow in `task.request`
    whatever ended the task. Celery's own does so for a lost child, but not at a hard time limit or for a rejection.
    """

    acknowledged: bool
    _on_ack: Any
    _is_sent_again = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Count what succeeds. Celery derives a class for each task, whose own `on_success` calls none above it."""
        super().__init_subclass__(**options)
        on_success = cls.on_success

        @wraps(on_success)
        def counted(self: Any, failed__retval__runtime: Any, **kwargs: Any) -> Any:
            result = on_success(self, failed__retval__runtime, **kwargs)
            if not failed__retval__runtime[0]:
                metrics.ended(self, "succeeded")
            return result

        cls.on_success = counted

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Handle the start of the task."""
        super().on_accepted(pid, time_accepted)
        metrics.began(self)

    def on_retry(self, exc_info: Any) -> None:
        """Handle a task that is sent again."""
        super().on_retry(exc_info)
        metrics.ended(self, "retried")

    @contextmanager
    def _as_current(self) -> Iterator[None]:
        push_current_task(self.task)
        self.task.request_stack.push(self._context)
        try:
            yield
        finally:
            self.task.request_stack.pop()
            pop_current_task()

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """Stop the task, since the connection is lost on which it could be acknowledged; the broker delivers it again.

        Celery's own notes that after it has told the result backend. If that is away too, as where one Redis is both,
        it takes the end of the process for a revocation and acknowledges: the task would be lost.
        """
        self._already_cancelled = True
        with self._as_current():
            super().cancel(pool, signal, emit_retry)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Handle an exceeded time limit; at the hard one, the failure of the task."""
        with self._as_current():
            super().on_timeout(soft, timeout)
        if not soft:
            metrics.ended(self, "failed")

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Handle what a task raised, or the loss of the process that ran it. Then acknowledge the message.

        Celery's own acknowledges first. A worker that died right then, or could not store the result, would take the
        failure with it: no result, no errback, no dead letter. An exceeded time limit is left to `on_timeout`, which
        follows; Celery's own handles it in both, and calls each errback twice.
        """
        if issubclass(exc_info.type, TimeLimitExceeded) and not return_ok:
            return None
        on_ack, owed = self._on_ack, []
        self._on_ack = lambda *arguments: owed.append(arguments)
        try:
            with self._as_current():
                return_value = super().on_failure(exc_info, send_failed_event, return_ok)
        except BaseException:
            self.acknowledged = self.acknowledged and not owed
            raise
        finally:
            self._on_ack = on_ack
        for arguments in owed:
            on_ack(*arguments)
        if outcome := self._outcome(exc_info):
            metrics.ended(self, outcome)
        return return_value

    def _outcome(self, exc_info: Any) -> str:
        """Return how what it raised is counted; nothing for what is counted elsewhere, or is no end of the task."""
        error = exc_info.exception
        match error.exc if isinstance(error, request.ExceptionWithTraceback) else error:
            case Retry() | Terminated() | SystemExit() | KeyboardInterrupt():
                return ""
            case Ignore():
                return "succeeded"
            case Reject():
                return "rejected"
        return "" if self._is_sent_again else "failed"

    def _retry_worker_lost(self, exc: Any, exc_info: Any) -> Any:
        """Have the task sent again whose process was lost."""
        self._is_sent_again = super()._retry_worker_lost(exc, exc_info)
        if self._is_sent_again:
            metrics.ended(self, "retried")
        return self._is_sent_again

    def _success_was_stored(self) -> Any:
        """Return the result of a lost child if it stored one; it may have died before its chord knew."""
        success = super()._success_was_stored()
        if success and self.chord:
            self.task.backend.on_chord_part_return(self._context, success["status"], success["result"])
        return success
