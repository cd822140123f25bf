"""Beat: does one lead, and only one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from redbeat.decoder import RedBeatJSONDecoder
from redbeat.schedulers import RedBeatConfig

from ..canary import Canary
from ..schedule import CANARIES
from .finding import Finding, duration, failure, ok, warning
from .redis import connect

#: What happened longer ago is over.
RECENT = timedelta(minutes=5)

START = "Start it: celery --app=config beat. Two may run: one leads."


def leader(app: Celery) -> Iterator[Finding]:
    """Find the lock of the beat that leads, which it renews with each tick. Raises redis-py's errors."""
    redbeat = RedBeatConfig(app)
    with connect(redbeat.redis_url) as client:
        left = client.pttl(redbeat.lock_key) / 1000
        if left > 0:
            lifetime = redbeat.lock_timeout or 5 * app.conf.beat_max_loop_interval
            yield ok("beat", f"one leads, seen {duration(lifetime - left)} ago")
            return
        entries = [client.hget(f"{redbeat.key_prefix}{name}", "meta") for name in CANARIES]
    sent = [moment for entry in entries if entry and (moment := _last_run(entry))]
    since = f"the last canary was sent {_ago(max(sent))} ago" if sent else "nothing was ever sent"
    yield failure("beat", f"none leads: {since}", START)


def _last_run(entry: str) -> Any:
    return json.loads(entry, cls=RedBeatJSONDecoder).get("last_run_at")


def _ago(moment: Any) -> str:
    return duration((datetime.now(UTC) - moment).total_seconds())


def doubles() -> Iterator[Finding]:
    """Find canaries that were sent twice: by two beats that do not share their lock. Raises DatabaseError."""
    doubled = Canary.objects.filter(doubled_at__gt=datetime.now(UTC) - RECENT).order_by("doubled_at")
    if last := doubled.last():
        queues = ", ".join(sorted(canary.queue for canary in doubled))
        yield warning(
            "second beat",
            f"canaries come too often ({queues}; the last {_ago(last.doubled_at)} ago): two beats send",
            "Stop the one with another --scheduler or another REDIS_URL. All that is scheduled runs twice.",
        )
        return
    yield ok("second beat", f"none noticed in the last {duration(RECENT.total_seconds())}")
