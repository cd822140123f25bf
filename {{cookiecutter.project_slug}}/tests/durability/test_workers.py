"""Workers that die, and workers that are told to end: what they held is done by others."""

import os
import signal
import time

import pytest

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT, QUEUES

from .checker import Account
from .shop import SOON, Shop

pytestmark = pytest.mark.broker

#: Seconds. Redis waits so long for a worker that may be dead; the project's own figure is derived from its limits.
VISIBILITY_TIMEOUT = 5


def held_at_most(queue: str) -> int:
    """Return how many messages one worker of a queue holds."""
    return QUEUES[queue].concurrency * QUEUES[queue].prefetch_multiplier


def at_work(shop: Shop) -> set[str]:
    """Return the entries whose task has begun more often than it ended."""
    return set((shop.counted("begin") - shop.counted("end")).keys())


def kill(shop: Shop, worker: str) -> float:
    """Kill a worker and its children with SIGKILL and return when."""
    shop.project.stop(worker, signal.SIGKILL)
    return time.time()


def test_a_killed_worker_loses_nothing(shop: Shop) -> None:
    """60 short tasks; three times the worker and its children are killed with SIGKILL in mid-work, and one starts.

    Promise: all are executed. What the last one held when it died begins again within 5 s on RabbitMQ, a worker's start
    included, and within visibility timeout + 10 s on Redis.
    """
    if shop.on_redis:
        shop.change(CELERY_BROKER_TRANSPORT_OPTIONS={"visibility_timeout": VISIBILITY_TIMEOUT})
    entries = {f"w{number}" for number in range(60)}
    shop.run("for number in range(60): work.delay(f'w%d' % number, 0.2)")
    for done in (10, 25, 40):
        worker = shop.worker()
        shop.wait_for("mid-work", lambda done=done: len(shop.notes("end")) >= done and at_work(shop))
        kill(shop, worker)
    worker = shop.worker()
    shop.drain(entries, "end")

    last = {f"last{number}" for number in range(held_at_most(DEFAULT))}
    shop.run(f"for entry in {last}: work.delay(entry, 3)")
    shop.wait_for("mid-work", lambda: at_work(shop))
    died = kill(shop, worker)
    shop.worker()
    again = shop.wait_for("redelivery", lambda: [note.at for note in shop.notes("begin") if note.at > died])
    shop.drain(last, "end")
    account = Account.of(entries | last, shop.counted("end").elements())
    shop.prove("a worker killed with SIGKILL loses nothing", account, again[0] - died)
    assert again[0] - died <= (VISIBILITY_TIMEOUT + 10 if shop.on_redis else 5)
