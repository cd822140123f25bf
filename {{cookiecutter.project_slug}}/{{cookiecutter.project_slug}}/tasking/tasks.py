"""The tasks of the project's own upkeep. Beat sends them, see `schedule.py`; what fails, the next one does."""

from datetime import datetime
from typing import Any

from celery import current_app, states
from celery.app.task import Context
from celery.utils.log import get_task_logger

from . import idempotency
from .canary import passed
from .dead_letters import collector, replay
from .decorator import shared_task
from .outbox.relay import relay
from .queues import DEFAULT
from .task import Task

logger = get_task_logger(__name__)


class Upkeep(Task[..., Any]):
    """A task that the schedule will soon send again: it is not retried, and no dead letter when it fails."""

    abstract = True
    max_retries = 0
    keep_dead_letter = False


@shared_task(
    bind=True,
    base=Upkeep,
    queue=DEFAULT,
    idempotent=True,
)
def canary(self: Any, queue: str) -> None:
    """Say that a message gets through this queue; it is sent to each. Again: says so once more."""
    expires = self.request.expires
    if not isinstance(expires, str):
        logger.warning("a canary that came by no message tells no wait", extra={"canary": queue})
        return
    passed(queue, datetime.fromisoformat(expires))


@shared_task(
    base=Upkeep,
    queue=DEFAULT,
    idempotent=True,
)
def relay_outbox() -> None:
    """Publish what could not be published at its commit. Again: what is left."""
    relay()


@shared_task(
    base=Upkeep,
    queue=DEFAULT,
    idempotent=True,
)
def collect_dead_letters() -> None:
    """Write to the table what the broker put among the dead letters. Again: what came since."""
    if collected := collector.collect():
        logger.warning("dead letters collected", extra={"collected": collected})


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def finish_chord(part: dict[str, Any]) -> None:
    """End a chord whose last part, counted already, could not. Again: nothing, it has ended. See `results.py`."""
    current_app.backend.on_chord_part_return(Context(part), states.SUCCESS, None)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def purge() -> None:
    """Delete old idempotency keys and settled dead letters. Again: nothing."""
    idempotency.purge()
    replay.purge()
