"""Keep what Celery says of a task that failed for good.

`task_failure` is the signal that is always sent: in the child process for an exception, spent retries and the soft time
limit; in the worker's main process for the hard one and for a lost child, where `on_failure` is not called.
"""

from typing import Any

from billiard.process import current_process
from celery import Task, current_app
from celery.exceptions import Reject
from celery.signals import task_failure
from celery.utils.log import get_task_logger
from django.db import connection
from kombu.utils import json
from kombu.utils.encoding import safe_repr

from ..queues import dead_letter_queue, queue_of_request
from .models import DeadLetter

logger = get_task_logger(__name__)

#: The header of a message in the queue `dead_letter` that holds a letter, not the task that failed.
LETTER = "letter"

#: Publishing it may fail for any of a broker's reasons, and the other way of keeping it is tried.
PATIENCE = {"max_retries": 3, "interval_start": 0, "interval_step": 0.5, "interval_max": 1}

#: Characters that are kept: the first of an exception's text, the last of its traceback.
LONGEST_EXCEPTION, LONGEST_TRACEBACK = 10_000, 100_000


@task_failure.connect
def record(sender: Task[..., Any], task_id: str, exception: BaseException, einfo: Any, **signal: Any) -> None:
    """Keep a failed task. A rejected one is left to the broker, which puts it among the dead letters itself."""
    if sender.request.is_eager or isinstance(exception, Reject) or not getattr(sender, "keep_dead_letter", True):
        return
    letter = describe(sender, task_id, exception, str(einfo.traceback) if einfo else "")
    # Those of the signal: if the task is done and its result cannot be stored, its request is gone by now.
    letter.arguments = json.dumps([signal["args"] or [], signal["kwargs"] or {}])
    # The main process of a worker is to hold no connection to the database: its children would inherit it.
    ways = (publish, write) if current_process().name == "MainProcess" else (write, publish)
    for way in ways:
        try:
            way(letter)
        except Exception:  # what it is does not matter: the other way is left, and then the log
            logger.exception("dead letter not kept", extra={"way": way.__name__, "failed_task_id": task_id})
        else:
            return


def describe(task: Task[..., Any], task_id: str, exception: BaseException, traceback: str) -> DeadLetter:
    """Return the letter of a task that failed, whose request is the current one; without arguments, not saved yet."""
    request = task.request
    return DeadLetter(
        task_id=task_id,
        task_name=task.name,
        queue=queue_of_request(request),
        exception=_text(exception)[:LONGEST_EXCEPTION],
        traceback=traceback[-LONGEST_TRACEBACK:],
        attempts=(request.retries or 0) + 1,
        root_id=request.root_id or "",
        parent_id=request.parent_id or "",
        group_id=request.group or "",
    )


def _text(exception: BaseException) -> str:
    try:
        return f"{type(exception).__name__}: {exception}"
    except Exception:  # noqa: BLE001 - an error of its own must not cost the letter
        return safe_repr(exception)


def write(letter: DeadLetter) -> None:
    """Write the letter to the table. Raises DatabaseError."""
    try:
        letter.keep()
    finally:
        if current_process().name == "MainProcess":
            connection.close()


def publish(letter: DeadLetter) -> None:
    """Send the letter to the queue from which the collector writes it to the table. Raises kombu's OperationalError."""
    queue = dead_letter_queue(current_app.conf.task_default_exchange)
    with current_app.producer_or_acquire() as producer:
        producer.publish(
            letter.values(),
            serializer="json",
            exchange=queue.exchange,
            routing_key=queue.routing_key,
            declare=[queue],
            headers={LETTER: True},
            retry=True,
            retry_policy=PATIENCE,
        )
