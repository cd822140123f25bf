"""How a task, or several, look on the page."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from ...tasking.queues import QUEUES
from ..models import Step

#: A process that has been at work for longer was killed at its hard time limit: it is lost, whatever its step says.
LONGEST_RUN = timedelta(seconds=max(policy.time_limit for policy in QUEUES.values()))


class Look(StrEnum):
    """The state of a task, or of several together, in the order in which one hides another."""

    FAILED = "failed"
    RETRYING = "retrying"
    RUNNING = "running"
    DONE = "done"
    DUE = "due"
    TODO = "todo"

    @property
    def words(self) -> str:
        """What it is called."""
        return WORDS[self]

    @property
    def mark(self) -> str:
        """A sign for those who do not see the colour."""
        return MARKS[self]


WORDS = {
    Look.FAILED: "failed",
    Look.RETRYING: "to be tried again",
    Look.RUNNING: "at work",
    Look.DONE: "done",
    Look.DUE: "waiting for a worker",
    Look.TODO: "not begun",
}
MARKS = {Look.FAILED: "✕", Look.RETRYING: "↻", Look.RUNNING: "▶", Look.DONE: "✓", Look.DUE: "…", Look.TODO: ""}


def look_of(state: str, began_at: datetime) -> Look:
    """Return how a step in this state looks; one that must have lost its process is to be tried again."""
    if state == Step.State.RUNNING and timezone.now() - began_at > LONGEST_RUN:
        return Look.RETRYING
    return Look(state)


def first(looks: Iterable[Look], default: Look) -> Look:
    """Return the one of them that hides the others."""
    present = Counter(looks)
    return next((look for look in Look if present[look]), default)
