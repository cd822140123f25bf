"""What the tasks of a lesson tell of themselves: lines in a Redis database that no fault of a lesson reaches."""

import os
import time
from typing import Any, NamedTuple

import redis

NOTES = "notes"


class Note(NamedTuple):
    """What happened (`kind`) to what (`entry`), and when, in seconds since the epoch."""

    kind: str
    entry: str
    at: float


def connect() -> Any:
    """Return a client of the ledger."""
    return redis.Redis.from_url(os.environ["LEDGER_URL"], decode_responses=True)


def note(kind: str, entry: object) -> None:
    """Add a line with the time."""
    with connect() as client:
        client.rpush(NOTES, f"{kind} {entry} {time.time()}")


def notes(kind: str) -> list[Note]:
    """Return the lines of a kind in their order."""
    with connect() as client:
        lines = (line.split(" ") for line in client.lrange(NOTES, 0, -1))
        return [Note(its_kind, entry, float(at)) for its_kind, entry, at in lines if its_kind == kind]
