"""The tasks of the project's own upkeep. Beat sends them, see `schedule.py`."""

from datetime import datetime

from celery import Task, shared_task
from celery.utils.log import get_task_logger

from .canary import passed
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
