"""Empty the queue `dead_letter` into the table.

There the broker puts what no worker could finish: each died of it (delivery limit), none knew the task, none could read
the message, or the task itself rejected it. Workers put letters there that they could not write themselves.
"""

from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from celery import current_app
from celery.exceptions import NotRegistered, Reject, WorkerLostError
from celery.utils.log import get_task_logger
from django.db import connection as database
from kombu import Message
from kombu.exceptions import DecodeError
from kombu.serialization import prepare_accept_content
from kombu.utils import json

from ..errors import TRANSIENT_ERRORS
from ..queues import dead_letter_queue, queue_of
from ..reporting import report_letter
from ..request import context_of
from .models import DeadLetter
from .recorder import LETTER

logger = get_task_logger(__name__)

#: Messages of one run: what is left is for the next.
BATCH = 1_000


def collect() -> int:
    """Write what lies in the queue to the table and return how much it was. Again: what came since.

    A message leaves the queue when its row is committed; one that cannot be written stays, and holds up no other.
    Raises TRANSIENT_ERRORS: the database, the broker or the result backend is away.
    """
    # First, for each message that is taken and given back costs it one of its deliveries.
    database.ensure_connection()
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0)
        channel = broker.default_channel
        queue = dead_letter_queue(current_app.conf.task_default_exchange)(channel)
        queue.declare()
        collected = 0
        for _ in range(BATCH):
            # Not by `queue.get`, which raises for a message that cannot be decompressed.
            if (delivered := channel.basic_get(queue.name)) is None:
                break
            message = channel.message_to_python(delivered)
            message.accept = prepare_accept_content(["json"])
            try:
                store(message)
            except TRANSIENT_ERRORS:
                raise
            except Exception:
                logger.exception("message stays among the dead letters", extra={"headers": message.headers})
            else:
                message.ack()
                collected += 1
    return collected


def store(message: Message) -> None:
    """Write one message of the queue to the table, and tell whoever waits for its task that it has failed."""
    headers: dict[str, Any] = message.headers or {}
    death: dict[str, Any] = (headers.get("x-death") or [{}])[0]
    reason = death.get("reason", "")
    try:
        if headers.get(LETTER):
            DeadLetter(**message.decode()).keep()
            return
        request = context_of(message)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is kept
        _keep_unreadable(message, death, error)
        return
    if reason == "expired":
        # Not a failure: it was to run before a time that has passed. A worker would have said so, had it been there.
        _tell(current_app.backend.mark_as_revoked, request, "expired")
        return
    cause = _why(reason, request)
    letter = DeadLetter(
        task_id=request.id,
        task_name=request.task,
        queue=queue_of(death.get("queue")),
        arguments=json.dumps([request.args, request.kwargs]),
        exception=f"{type(cause).__name__}: {cause.args[0]}",
        attempts=(request.retries or 0) + 1,
        root_id=request.root_id or "",
        parent_id=request.parent_id or "",
        group_id=request.group or "",
    )
    if letter.keep():
        report_letter(letter)
    if isinstance(cause, WorkerLostError):
        # Who waits for the task - its chord, its errbacks - is told here. In the other cases a worker has told them.
        _tell(current_app.backend.mark_as_failure, request, cause)


def _why(reason: str, request: Any) -> Exception:
    if reason == "delivery_limit":
        # How often that was, RabbitMQ does not say: `x-delivery-count` is that of the dead letter by now.
        return WorkerLostError("Its worker died each time it was delivered, up to the delivery limit of its queue.")
    if request.task not in current_app.tasks:
        return NotRegistered(request.task)
    return Reject(f"{reason or 'dead-lettered'}: by the task itself, or by a worker that did not know it")


def _tell(mark: Callable[..., None], request: Any, reason: object) -> None:
    """Mark a task as ended, which tells its chord and its errbacks; an error of theirs is logged."""
    try:
        mark(str(request.id), reason, request=request, store_result=not request.ignore_result)
    except TRANSIENT_ERRORS:
        raise
    except Exception:
        # Told again, those that heard it would hear it twice, and this one would fail again.
        logger.exception("not all who wait for it could be told", extra={"failed_task_id": request.id})


def _keep_unreadable(message: Message, death: dict[str, Any], error: Exception) -> None:
    headers: dict[str, Any] = message.headers or {}
    body = message.body
    text = body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else str(body)
    letter = DeadLetter(
        # One that names no task has the same id each time it is delivered.
        task_id=str(headers.get("id") or message.properties.get("correlation_id") or uuid5(NAMESPACE_OID, text)),
        task_name=str(headers.get("task") or ""),
        queue=queue_of(death.get("queue")),
        arguments=text,
        exception=f"{DecodeError.__name__}: {type(error).__name__}: {error}",
    )
    if letter.keep():
        report_letter(letter)
