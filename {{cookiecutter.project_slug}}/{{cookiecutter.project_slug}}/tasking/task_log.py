"""A line of the log for each start, success, retry and failure of a task.

The message is constant, and what differs stands in the fields: those that `logging.py` adds, and `seconds`. Celery's
own lines, sentences with ids and results in them, are off, see `settings/logging.py`.
"""

import time
from typing import Any

from celery import Task
from celery.exceptions import Reject
from celery.signals import task_failure, task_prerun, task_retry, task_success
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)


@task_prerun.connect
def started(task: Task[..., Any], **_: Any) -> None:
    """Note when a task began."""
    task.request.began = time.monotonic()  # type: ignore[attr-defined]
    logger.info("task started")


@task_success.connect
def succeeded(sender: Task[..., Any], **_: Any) -> None:
    """Tell how long it took."""
    logger.info("task succeeded", extra=_seconds(sender))


@task_retry.connect
def retried(sender: Task[..., Any], reason: Any = None, **_: Any) -> None:
    """Tell why it is sent again, and in how many seconds or when."""
    if reason is None:
        # A worker's main process has stopped it, since it could not be acknowledged any more.
        logger.warning("task stopped, the broker delivers it again")
        return
    logger.warning("task retried", extra={"reason": repr(reason.exc), "when": reason.humanize(), **_seconds(sender)})


@task_failure.connect
def failed(sender: Task[..., Any], exception: BaseException, **signal: Any) -> None:
    """Tell how it failed for good, with the traceback where there is one; an expected error is none."""
    if isinstance(exception, (*sender.throws, Reject)):
        logger.info("task failed as expected", extra={"reason": repr(exception), **_seconds(sender)})
        return
    # Where a worker's main process tells of a lost child, the traceback is text: of no line of the task's.
    traceback = None if isinstance(signal.get("traceback"), str) else signal.get("traceback")
    trace = (type(exception), exception, traceback)
    logger.error("task failed", exc_info=trace, extra=_seconds(sender))


def _seconds(task: Task[..., Any]) -> dict[str, float]:
    """Return how long a task has run; nothing in a worker's main process, which did not run it."""
    began = getattr(task.request, "began", None)
    return {} if began is None else {"seconds": round(time.monotonic() - began, 4)}
