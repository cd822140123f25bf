"""How fast rows come in, and how long the rest will take at that."""

from datetime import timedelta
from math import ceil

#: What is looked back at: long enough to hold several chunks, short enough that a stop is seen.
WINDOW = timedelta(seconds=10)

#: In less, what came in says nothing.
SHORTEST = timedelta(seconds=0.5)


def rows_per_second(rows: int, time: timedelta) -> int:
    """Return how many rows came in a second; 0 if the time is too short to tell."""
    return round(rows / time.total_seconds()) if time >= SHORTEST else 0


def time_left(rows: int, per_second: int) -> str:
    """Return in words how long so many rows will take; nothing if that cannot be told."""
    if not per_second:
        return ""
    seconds = ceil(rows / per_second)
    return f"{seconds} s" if seconds < 100 else f"{ceil(seconds / 60)} min"
