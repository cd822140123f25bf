"""A canary for each queue: a task that does nothing but say that it got through, and how long it waited.

A heartbeat proves that a worker's loop turns. That messages arrive, are taken up and finished, only a message proves.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models

from .queues import QUEUES
from .schedule import CANARY_EXPIRES, CANARY_INTERVAL

#: One beat sends two canaries of a queue no sooner after each other: it counts from when it sent the last one. The same
#: one delivered again was sent at the same time.
SOONEST = 0.9 * CANARY_INTERVAL


class Canary(models.Model):
    """The last canary that got through a queue."""

    queue = models.CharField(max_length=100, primary_key=True)
    passed_at = models.DateTimeField()
    #: From beat to the task's start.
    wait = models.DurationField()
    #: When one got through that was sent too soon after the one before. One beat may do so too, once: if it lost Redis
    #: before it could note that it had sent.
    too_soon_at = models.DateTimeField(null=True, blank=True)
    #: When that happened again at once: two beats send, which do not share a lock.
    doubled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "canaries"

    def __str__(self) -> str:
        return self.queue

    @property
    def sent_at(self) -> datetime:
        """When beat sent it."""
        return self.passed_at - self.wait


@dataclass(frozen=True, slots=True)
class Passage:
    """How a queue fares: the age of the last canary that passed, and its wait; None and None if none ever did."""

    queue: str
    age: timedelta | None
    wait: timedelta | None

    @property
    def is_late(self) -> bool:
        """Whether another should have passed by now."""
        return self.age is None or self.age > CANARY_INTERVAL + CANARY_EXPIRES[self.queue]

    def __str__(self) -> str:
        if self.age is None or self.wait is None:
            return f"{self.queue}: none has passed yet"
        late = ", late" if self.is_late else ""
        return f"{self.queue}: {self.age.total_seconds():.0f} s ago, after {self.wait.total_seconds():.2f} s{late}"


def passed(queue: str, expires_at: datetime) -> None:
    """Note that a canary got through. When it was sent follows from when it would have expired."""
    now = datetime.now(UTC)
    sent_at = expires_at - CANARY_EXPIRES[queue]
    values: dict[str, Any] = {"passed_at": now, "wait": now - sent_at}
    before = Canary.objects.filter(queue=queue).first()
    if before and timedelta(0) < abs(sent_at - before.sent_at) < SOONEST:
        values["too_soon_at"] = now
        if before.too_soon_at and now - before.too_soon_at < 2 * CANARY_INTERVAL:
            values["doubled_at"] = now
    Canary.objects.update_or_create(queue=queue, defaults=values)


def passages() -> list[Passage]:
    """Return a passage for each queue of the table."""
    now = datetime.now(UTC)
    last = Canary.objects.in_bulk()
    return [
        Passage(queue, now - last[queue].passed_at, last[queue].wait) if queue in last else Passage(queue, None, None)
        for queue in QUEUES
    ]
