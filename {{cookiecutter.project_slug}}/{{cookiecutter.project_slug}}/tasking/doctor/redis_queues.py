"""The queues on Redis: are they bound, how much lies in them, since when."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from celery import Celery

from ..queues import DEAD_LETTER, queue_of
from ..redis_transport import Channel, delayed_for, taken_from
from ..schedule import CANARY_EXPIRES
from ..sent_at import SENT_AT
from ..topology import all_queues
from .finding import Finding, duration, failure, ok, warning
from .queues import missing, uncollected
from .redis import connect


def queues(app: Celery, url: str) -> Iterator[Finding]:
    """Find for each queue whether messages get there, what lies in it, and for how long the next one has.

    Nothing is taken. Raises redis-py's errors.
    """
    exchange = app.conf.task_default_exchange
    with connect(url) as client:
        held = Counter(_held_from(item) for item in client.hvals(Channel.unacked_key))
        bindings = client.smembers(Channel.keyprefix_queue % exchange)
        bound = {str(binding).rpartition(Channel.sep)[-1] for binding in bindings}
        for name in (queue.name for queue in all_queues(app)):
            subject = f"queue {name}"
            if (kind := client.type(name)) not in {"list", "none"}:
                yield failure(subject, f"is a {kind}, not a list", f"Find who wrote it, and delete the key {name}.")
                continue
            waiting, oldest, delayed, taken = contents(client, name)
            if name not in bound:
                yield missing(subject, f": it is not bound to the exchange {exchange}")
            elif name == DEAD_LETTER:
                yield uncollected(subject, waiting + taken + held[name])
            else:
                counts = {"waiting": waiting, "delayed": delayed, "held by workers": held[name], "on its way": taken}
                yield _depth(name, counts, age(oldest) if waiting else None)


class Contents(NamedTuple):
    """How many messages wait, the one that is next, how many wait for their time, how many are on their way."""

    waiting: int
    oldest: str | None
    delayed: int
    taken: int


def contents(client: Any, name: str) -> Contents:
    """Return what lies in a queue. Raises redis-py's errors, for a key of another type too."""
    with client.pipeline() as pipe:
        pipe.llen(name).lindex(name, -1).zcard(delayed_for(name)).llen(taken_from(name))
        return Contents(*pipe.execute())


def age(item: str | None) -> float | None:
    """Return for how many seconds a message could have been taken; None if it does not say."""
    try:
        headers = json.loads(item or "")["headers"]
        since = float(headers[SENT_AT])
        if headers.get("eta"):
            since = max(since, datetime.fromisoformat(headers["eta"]).timestamp())
    except (ValueError, TypeError, KeyError):
        return None
    return time.time() - since


def _depth(name: str, counts: dict[str, int], oldest: float | None) -> Finding:
    subject = f"queue {name}"
    finding = ", ".join(f"{number:,} {where}" for where, number in counts.items() if number) or "empty"
    if oldest is None:
        return ok(subject, finding)
    finding += f", the oldest for {duration(oldest)}"
    longest = CANARY_EXPIRES[name].total_seconds()
    if oldest > longest:
        remedy = f"Start another worker: manage.py worker {name}. More than {duration(longest)} is late."
        return warning(subject, finding, remedy)
    return ok(subject, finding)


def _held_from(item: Any) -> str:
    """Return the queue of a message that a worker holds."""
    try:
        return queue_of(json.loads(item)[2])
    except (ValueError, TypeError, LookupError):
        return ""
