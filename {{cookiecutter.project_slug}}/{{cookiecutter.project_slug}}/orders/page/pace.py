"""How fast rows come in, and how long the rest will take at that."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil

#: What is looked back at: long enough to hold several chunks, short enough that a stop is seen.
WINDOW = timedelta(seconds=10)


def rows_per_second(chunks: Iterable[tuple[int, datetime]], began: datetime, now: datetime) -> int:
    """Return the rows per second of the last ten seconds, or since they began.

    A chunk is given as its rows that are done, and when the last of them came in.
    """
    since = max(began, now - WINDOW)
    seconds = (now - since).total_seconds()
    return round(sum(rows for rows, at in chunks if at > since) / seconds) if seconds >= 0.5 else 0


def time_left(rows: int, per_second: int) -> str:
    """Return in words how long so many rows will take."""
    if not per_second:
        return ""
    seconds = ceil(rows / per_second)
    return f"{seconds} s" if seconds < 100 else f"{ceil(seconds / 60)} min"
