"""Clocks: canaries, expiry, ETA and locks compare the times of several machines."""

import time
from collections.abc import Callable, Iterator

from django.db import connection

from .finding import Finding, Level
from .redis import connect

#: Seconds from which on a difference is bad, or worse.
NOTICED, SEVERE = 1, 5


def redis_clock(url: str) -> Iterator[Finding]:
    """Compare this machine's clock with that of Redis. Raises redis-py's errors."""
    with connect(url) as client:
        client.ping()  # the connection stands

        def now() -> float:
            seconds, microseconds = client.time()
            return int(seconds) + int(microseconds) / 1_000_000

        yield skew("clock of Redis", now)


def database_clock() -> Iterator[Finding]:
    """Compare this machine's clock with that of PostgreSQL; SQLite has none. Raises DatabaseError."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:

        def now() -> float:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            return float(cursor.fetchone()[0])

        now()  # the connection stands
        yield skew("clock of the database", now)


def skew(subject: str, now: Callable[[], float]) -> Finding:
    """Tell how far another clock is from this one, whatever its answer took."""
    asked = time.time()
    there = now()
    answered = time.time()
    # It was read at some time between the two.
    difference = max(there - answered, asked - there, 0)
    if difference < NOTICED:
        return Finding(Level.OK, subject, "as here")
    level = Level.FAILURE if difference > SEVERE else Level.WARNING
    side = "ahead of" if there > asked else "behind"
    remedy = "Have NTP set both: a task may expire before it is run, or a lock end too soon."
    return Finding(level, subject, f"{difference:.1f} s {side} this machine", remedy)
