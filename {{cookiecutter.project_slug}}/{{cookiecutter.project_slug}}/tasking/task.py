"""The base class of every task: what a task gets whose author gave it no thought."""

import warnings
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

import celery
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Reject
from celery.utils.time import maybe_make_aware
from django.db import transaction
from kombu.exceptions import SerializationError

from . import arguments, topology
from .errors import TRANSIENT_ERRORS, OpenTransactionWarning, PermanentError


class Task[**P, R](DjangoTask[P, R]):
    """A task that survives its worker, retries what may pass, and takes plain values only.

    Time limits and the number of retries come from its queue, see `queues.py`. A decorator's own options win over all.
    """

    abstract = True

    #: Whether a second run changes nothing. Each task says it, for only its author can know; see `checks/tasks.py`.
    idempotent: bool | None = None

    #: Acknowledge when the work is done: the message of a worker that dies goes to another. So a task may run twice.
    #: One that must not says `acks_late=False`: it may be lost, and then neither a lost child has it sent again.
    acks_late = True
    #: A child killed in mid-task counts as a try, so a task that kills its child is retried no more often than others.
    retry_on_worker_lost = True
    #: If the broker does not take that retry, the message goes back instead. Alone, this one would never end.
    reject_on_worker_lost = True
    #: The worker's view of a task, see there.
    Request = f"{__package__}.request:Request"

    #: Retried after a growing, random wait; what is not listed fails at once. (A lost child: after a fixed one.)
    autoretry_for = TRANSIENT_ERRORS
    dont_autoretry_for = (PermanentError,)
    #: Spread, or all that failed together come back together.
    retry_jitter = True

    #: What failed for good is kept, to be looked at and replayed. Not needed where the schedule sends it again anyway.
    keep_dead_letter = True

    def apply_async(self, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        """Send the task. Raises ArgumentError for arguments that do not belong into a message.

        A delay takes whole seconds, as RabbitMQ's own do: a part of one is rounded up. Warns in an open transaction.
        """
        self._check_arguments(args, kwargs)
        if not self.app.conf.task_always_eager:
            self._check_transaction(options)
        if options.get("countdown") or options.get("eta"):
            options |= self._whole_seconds(options.get("countdown"), options.get("eta"))
        return super().apply_async(args, kwargs, *rest, **options)

    def apply(self, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        """Run the task here and now, as the eager mode does; refuse what `apply_async` refuses."""
        self._check_arguments(args, kwargs)
        if self.app.conf.task_always_eager:
            self._check_transaction(options)
        return super().apply(args, kwargs, *rest, **options)

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> Any:
        """Send the task when the current transaction commits, see `apply_async_on_commit`."""
        return self.apply_async_on_commit(args, kwargs)

    def apply_async_on_commit(  # type: ignore[override]
        self, args: Any = None, kwargs: Any = None, **options: Any
    ) -> Any:
        """Send the task when the current transaction commits - a rollback sends nothing - and return its id.

        It waits in the outbox while the broker is away; see `outbox.publisher.apply_on_commit`. Raises ArgumentError.
        """
        from .outbox.publisher import apply_on_commit  # noqa: PLC0415 - models, when Django is not ready for them

        self._check_arguments(args, kwargs)
        return apply_on_commit(self.signature(args, kwargs), **options)

    def retry(self, *args: Any, **options: Any) -> Any:
        """Send the task again. If the broker does not take it, the message that is at work goes back to its queue.

        Celery's own would drop it. Raises Retry, the original exception after the last retry, Reject. And what is wrong
        with the retry itself, such as an unknown queue: given back, the message would come to the same again, for ever.
        """
        try:
            return super().retry(*args, **options)
        except Reject as refusal:
            cause = refusal.args[0]
            if isinstance(cause, (TypeError, ValueError, LookupError, SerializationError)):
                raise cause from None
            raise Reject(cause, requeue=True) from refusal

    def _whole_seconds(self, countdown: float | None, eta: Any) -> dict[str, Any]:
        """Return the delay as RabbitMQ can have it, which raises ValueError for less than a second."""
        app = self.app
        if not app.conf.task_always_eager:
            topology.ensure_delays(app)
        if countdown:
            return {"countdown": ceil(countdown)}
        moment = datetime.fromisoformat(eta) if isinstance(eta, str) else eta
        if 0 < (maybe_make_aware(moment, app.timezone) - app.now()).total_seconds() < 1:
            return {"countdown": 1, "eta": None}
        return {}

    def _check_transaction(self, options: dict[str, Any]) -> None:
        # A test of Django's runs in a transaction of its own. A retry depends on nothing that is to be committed.
        if options.get("retries") or all(block._from_testcase for block in transaction.get_connection().atomic_blocks):
            return
        msg = (
            f"tasking.W028: {self.name} is sent in an open transaction: it may run before the commit, and runs after a "
            f"rollback. Use {self.name.rpartition('.')[-1]}.delay_on_commit(...), for a Canvas apply_on_commit(...)."
        )
        # At the line that sends it.
        inner = tuple(str(Path(module).parent) for module in (__file__, celery.__file__))
        warnings.warn(msg, OpenTransactionWarning, skip_file_prefixes=inner)

    def _check_arguments(self, args: Any, kwargs: Any) -> None:
        # Celery's own tasks, such as celery.starmap, carry signatures.
        if not self.name.startswith("celery."):
            arguments.check(self.name, args or (), kwargs or {})
