"""Tasks for tests of beat and of health, which write what they did into a database of Redis that nothing else uses."""

import time
from datetime import datetime
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from redis import Redis

from {{ cookiecutter.project_slug }}.tasking.queues import BULK, DEFAULT
from {{ cookiecutter.project_slug }}.tasking.transport import redis_database

from .brisk import EXPIRES

DATABASE = 9
TICKS = "ticks"
BURNS = "burns"


def connect(redis_url: str) -> Any:
    """Return a client of the ticking."""
    return Redis.from_url(redis_database(redis_url, DATABASE), decode_responses=True)


@shared_task(
    bind=True,
    queue=DEFAULT,
)
def tick(self: Task[..., None]) -> None:
    """Note when this message was sent: its expiry minus what the schedule gave it. Again: a second note."""
    sent = datetime.fromisoformat(str(self.request.expires)).timestamp() - EXPIRES
    connect(settings.CELERY_RESULT_BACKEND).rpush(TICKS, sent)


@shared_task(
    queue=BULK,
)
def burn(seconds: float) -> None:
    """Keep a core busy, and note beginning and end. Again: burns once more."""
    notes = connect(settings.CELERY_RESULT_BACKEND)
    notes.rpush(BURNS, "begin")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass
    notes.rpush(BURNS, "end")
