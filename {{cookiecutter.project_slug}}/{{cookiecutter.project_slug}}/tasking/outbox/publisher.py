"""Write a message with the caller's transaction, and publish it right after the commit.

A publish happens in a thread of its own, for which a request waits a moment and no longer, whatever the broker does.
The rows live in the default database: a transaction of another one does not hold them back.
"""

import contextvars
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from uuid import uuid4

import kombu.exceptions
from celery import current_app
from celery.canvas import Signature
from celery.utils.log import get_task_logger
from django.db import transaction
from django.utils import timezone
from kombu.utils import json

from .. import arguments
from .. import request_id as request_ids
from ..errors import TRANSIENT_ERRORS
from .models import OutboxMessage

logger = get_task_logger(__name__)

#: Seconds that a caller waits for the broker. The publish goes on in its thread, and the relay sees to the row.
PATIENCE = 0.7
#: Seconds after a failure in which this process leaves publishing to the relay, so that a dead broker costs once.
PAUSE = 5.0
#: Seconds in which a row belongs to who wrote it, before a relay takes it.
GRACE = 10

#: The broker's fault, not the message's.
BROKER_ERRORS: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, kombu.exceptions.ConnectionError)

_paused_until = 0.0


def apply_on_commit(signature: Signature[Any], **options: Any) -> str:
    """Send a signature - a task's, a chain, group or chord - when the current transaction commits; outside one, now.

    Returns the id of the task, of a Canvas that of its first task. A countdown runs from this call. A broker that does
    not answer delays the message, never the caller. Published at least once, and normally once.
    Raises ArgumentError, or TypeError for options that are no JSON.
    """
    message = _plain(signature, options)
    first = next(_leaves(message))
    row = OutboxMessage.objects.create(
        task_id=first["options"]["task_id"],
        task_name=(first["task"] if first is message else str(signature))[:255],
        signature=json.dumps(message),
        next_try_at=timezone.now() + timedelta(seconds=GRACE),
    )
    # Only an eager task's own failure may reach the caller, who is a test.
    transaction.on_commit(partial(_publish_now, row), robust=not current_app.conf.task_always_eager)
    return row.task_id


def publish(row: OutboxMessage, patience: float) -> None:
    """Hand a row to the broker and delete it. Raises what the publish raises, TimeoutError after so many seconds."""
    # The app itself, not the proxy: which app is current is a matter of the thread.
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    signature = Signature.from_dict(json.loads(row.signature), app=app)
    if current_app.conf.task_always_eager:
        row.delete()
        signature.apply_async()
        return
    # In the context of the caller, for tracing. In a thread no task is current, whose child this would seem to be.
    future = _thread(os.getpid()).submit(contextvars.copy_context().run, signature.apply_async)
    try:
        future.result(patience)
    finally:
        future.cancel()  # if it has not begun: it waits behind one that hangs
    row.delete()


def _publish_now(row: OutboxMessage) -> None:
    global _paused_until  # noqa: PLW0603 - the state of this process
    if time.monotonic() < _paused_until:
        return
    left = row.next_try_at - timezone.now()
    if left < timedelta(seconds=GRACE / 2):  # a long transaction: a relay may have it already
        until = timezone.now() + timedelta(seconds=GRACE)
        if not OutboxMessage.objects.filter(pk=row.pk, next_try_at=row.next_try_at).update(next_try_at=until):
            return
    if current_app.conf.task_always_eager:
        publish(row, PATIENCE)
        return
    try:
        publish(row, PATIENCE)
    except Exception as error:  # noqa: BLE001 - whatever it is, the request is not to fail; the relay tells it apart
        if isinstance(error, BROKER_ERRORS):
            _paused_until = time.monotonic() + PAUSE
        extra = {"sent_task": row.task_name, "sent_task_id": row.task_id, "reason": repr(error)}
        logger.warning("message left to the relay", extra=extra)


@lru_cache(maxsize=1)
def _thread(_pid: int) -> ThreadPoolExecutor:
    """Return this process's publishing thread; one that came over a fork would not run."""
    return ThreadPoolExecutor(1, "outbox")


def _plain(signature: Signature[Any], options: dict[str, Any]) -> Any:
    """Return the signature as plain data, checked, with an id for each task and times that do not depend on now."""
    for leaf in _leaves(signature):  # before JSON hides what it changes
        if not leaf["task"].startswith("celery."):
            arguments.check(leaf["task"], leaf["args"] or (), leaf["kwargs"] or {})
    message = json.loads(json.dumps(signature))
    message["options"] |= json.loads(json.dumps(options))
    now = timezone.now()
    for name, absolute in (("countdown", "eta"), ("expires", "expires")):
        value = message["options"].get(name)
        if value is not None and not isinstance(value, datetime | str):
            message["options"].pop(name)
            message["options"][absolute] = now + timedelta(seconds=value)
    if parent := current_app.current_worker_task:
        message["options"].setdefault("root_id", parent.request.root_id or parent.request.id)
        message["options"].setdefault("parent_id", parent.request.id)
    request_id = request_ids.current()
    for leaf in _leaves(message):
        leaf["options"].setdefault("task_id", str(uuid4()))
        if request_id:  # the relay that may send it knows nothing of the request
            leaf["options"]["headers"] = {**(leaf["options"].get("headers") or {}), request_ids.HEADER: request_id}
    return message


def _leaves(message: Any) -> Iterator[Any]:
    """Yield the tasks of a signature in the order in which they start."""
    if isinstance(message, list | tuple):
        for part in message:
            yield from _leaves(part)
    elif message["task"] in {"celery.chain", "celery.group", "celery.chord"}:
        for part in ("tasks", "header", "body"):
            yield from _leaves(message["kwargs"].get(part) or [])
    else:
        yield message
