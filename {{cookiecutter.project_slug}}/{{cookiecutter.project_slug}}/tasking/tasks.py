"""The tasks of the project's own upkeep. Beat sends them, see `schedule.py`."""

from datetime import datetime

from celery import Task, shared_task
from celery.utils.log import get_task_logger

from . import idempotency
from .canary import passed
from .outbox.relay import relay
from .queues import DEFAULT

logger = get_task_logger(__name__)


@shared_task(
    bind=True,
    queue=DEFAULT,
    max_retries=0,
)
def canary(self: Task[..., None], queue: str) -> None:
    """Say that a message gets through this queue; it is sent to each. Again: says so once more."""
    expires = self.request.expires
    if not isinstance(expires, str):
        logger.warning("a canary that came by no message tells no wait", extra={"canary": queue})
        return
    passed(queue, datetime.fromisoformat(expires))


@shared_task(
    queue=DEFAULT,
)
def relay_outbox() -> None:
    """Publish what could not be published at its commit. Again: what is left."""
    relay()


@shared_task(
    queue=DEFAULT,
)
def purge_idempotency_keys() -> None:
    """Delete old idempotency keys. Again: nothing."""
    idempotency.purge()
