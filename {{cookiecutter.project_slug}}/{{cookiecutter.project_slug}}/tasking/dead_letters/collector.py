"""Empty the queue `dead_letter` into the table.

There the broker puts what no worker could finish: each died of it (delivery limit), none knew the task, none could read
the message, or the task itself rejected it. Workers put letters there that they could not write themselves.
"""

from typing import Any

from celery import current_app
from celery.exceptions import NotRegistered, Reject, WorkerLostError
from celery.utils.log import get_task_logger
from django.db import connection as database
from kombu import Message
from kombu.exceptions import DecodeError
from kombu.utils import json, uuid

from ..queues import dead_letter_queue, queue_of
from ..request import context_of
from .models import DeadLetter
from .recorder import LETTER

logger = get_task_logger(__name__)

#: Messages of one run: what is left is for the next.
BATCH = 1_000


def collect() -> int:
    """Write what lies in the queue to the table and return how much it was. Again: what came since.

    A message leaves the queue when its row is committed. Raises DatabaseError, and kombu's OperationalError.
    """
    # First, for each message that is taken and given back costs it one of its deliveries.
    database.ensure_connection()
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1)
        queue = dead_letter_queue(current_app.conf.task_default_exchange)(broker.default_channel)
        queue.declare()
        collected = 0
        while collected < BATCH and (message := queue.get(accept=["json"])) is not None:
            store(message)
            message.ack()
            collected += 1
    return collected


def store(message: Message) -> None:
    """Write one message of the queue to the table, and tell whoever waits for its task that it has failed."""
    headers: dict[str, Any] = message.headers or {}
    if headers.get(LETTER):
        DeadLetter(**message.decode()).keep()
        return
    death: dict[str, Any] = (headers.get("x-death") or [{}])[0]
    reason = death.get("reason", "")
    try:
        request = context_of(message)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is kept
        _keep(message, death, DecodeError(f"{type(error).__name__}: {error}"), arguments=_raw(message))
        return
    task_id, stores_result = str(request.id), not request.ignore_result
    if reason == "expired":
        # Not a failure: it was to run before a time that has passed. A worker would have said so, had it been there.
        current_app.backend.mark_as_revoked(task_id, "expired", request=request, store_result=stores_result)
        return
    cause = _why(reason, headers)
    if isinstance(cause, WorkerLostError):
        # Who waits for the task - its chord, its errbacks - is told here. In the other cases a worker has told them.
        current_app.backend.mark_as_failure(task_id, cause, request=request, store_result=stores_result)
    _keep(message, death, cause, arguments=json.dumps([request.args, request.kwargs]))


def _why(reason: str, headers: dict[str, Any]) -> Exception:
    if reason == "delivery_limit":
        return WorkerLostError(f"It was delivered {1 + _deliveries(headers)} times, and its worker died each time.")
    if headers.get("task") not in current_app.tasks:
        return NotRegistered(headers.get("task"))
    return Reject(f"{reason or 'dead-lettered'}: by the task itself, or by a worker that did not know it")


def _deliveries(headers: dict[str, Any]) -> int:
    """Return how often the broker has delivered a message again."""
    return int(headers.get("x-delivery-count") or 0)


def _raw(message: Message) -> str:
    body = message.body
    return body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else str(body)


def _keep(message: Message, death: dict[str, Any], error: Exception, arguments: str) -> None:
    headers: dict[str, Any] = message.headers or {}
    DeadLetter(
        task_id=headers.get("id") or message.properties.get("correlation_id") or uuid(),
        task_name=headers.get("task") or "",
        queue=queue_of(death.get("queue")),
        arguments=arguments,
        exception=f"{type(error).__name__}: {error}",
        attempts=1 + (headers.get("retries") or 0) + _deliveries(headers),
        root_id=headers.get("root_id") or "",
        parent_id=headers.get("parent_id") or "",
        group_id=headers.get("group") or "",
    ).keep()
