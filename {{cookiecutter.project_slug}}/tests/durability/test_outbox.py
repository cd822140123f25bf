"""Commit and dispatch are one, whatever happens to the broker or the process in between."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from sandbox.brokers import RabbitMQ, Redis, Server
from sandbox.project import ROOT, Project

from .ledger import DATABASE

pytestmark = [pytest.mark.broker, pytest.mark.slow]

PREPARE = """
import os, time
import django; django.setup()
from celery import chain, chord, group
from django.db import transaction
from {{ cookiecutter.project_slug }}.tasking.outbox import publisher, relay
from {{ cookiecutter.project_slug }}.tasking.models import OutboxMessage
from tests.durability.ledger import note
BOOK = {book!r}
"""

#: Makes what is in the outbox due now.
DUE = "OutboxMessage.objects.update(next_try_at='2000-01-01T00:00Z')"


class Shop:
    """The project, a broker of its own - since it is stopped - and the ledger."""

    def __init__(self, project: Project, broker: Server, ledger: Any) -> None:
        self.project, self.broker, self.ledger = project, broker, ledger
        self.book = uuid4().hex

    def command(self, code: str) -> list[str]:
        return [sys.executable, "-c", PREPARE.format(book=self.book) + code]

    def run(self, code: str) -> str:
        done = subprocess.run(
            self.command(code), cwd=ROOT, env=self.project.environment, stdout=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode in {0, -9}
        return (done.stdout.splitlines() or [""])[-1]  # above it is the log

    def entries(self) -> list[str]:
        return [entry.decode() for entry in self.ledger.lrange(self.book, 0, -1)]

    def work(self) -> None:
        self.project.start("worker", "manage.py", "worker", "default")

    def wait_for(self, count: int) -> list[str]:
        self.project.wait_for(f"{count} entries", lambda: len(self.entries()) >= count, 90)
        return self.entries()

    def left(self) -> int:
        return int(self.run("print(OutboxMessage.objects.count())"))


@pytest.fixture(params=[Redis, RabbitMQ])
def shop(request: pytest.FixtureRequest, redis_server: Redis, tmp_path: Path) -> Iterator[Shop]:
    request.getfixturevalue("redis_server" if request.param is Redis else "rabbitmq_server")  # or skip
    ledger_url = redis_server.url.rsplit("/", 1)[0] + f"/{DATABASE}"
    with (
        request.param() as broker,
        redis.Redis.from_url(ledger_url) as ledger,
        Project(
            tmp_path, broker.url, redis_server.url, DJANGO_SETTINGS_MODULE="tests.durability.ledger_settings"
        ) as project,
    ):
        yield Shop(project, broker, ledger)


def test_rollback_order_and_canvas(shop: Shop) -> None:
    """A transaction rolled back, 100 tasks in one that commits, a Canvas: nothing of the first, all of the others.

    The 100 are sent in their order, which one child of one worker would keep.
    """
    shop.run("""
try:
    with transaction.atomic():
        note.delay_on_commit(BOOK, "never")
        raise KeyError
except KeyError:
    pass
with transaction.atomic():
    for number in range(100):
        note.delay_on_commit(BOOK, str(number))
with transaction.atomic():
    parts = [note.si(BOOK, part).set(ignore_result=False) for part in ("b", "c")]
    publisher.apply_on_commit(chain(note.si(BOOK, "a"), chord(parts, note.si(BOOK, "d"))))
""")
    assert shop.left() == 0
    flags = ["--queues=default", "--concurrency=1", "--prefetch-multiplier=1"]
    shop.project.start("worker", "-m", "celery", "--app=config", "worker", *flags)
    entries = shop.wait_for(104)
    assert [entry for entry in entries if entry.isdigit()] == [str(number) for number in range(100)]
    assert [entry for entry in entries if entry in {"a", "d"}] == ["a", "d"]
    assert Counter(entries).most_common(1)[0][1] == 1


@pytest.mark.parametrize("fault", ["stop", "pause"])
@pytest.mark.parametrize("how", ["command", "beat"])
def test_a_broker_that_is_away(shop: Shop, fault: str, how: str) -> None:
    """The broker is stopped, or is silent with its port open: a call takes under 1 s, the next ones next to nothing.

    When it is back, the tasks run, through the command and through the schedule.
    """
    getattr(shop.broker, fault)()
    took = shop.run("""
start = time.monotonic()
with transaction.atomic():
    note.delay_on_commit(BOOK, "1")
first = time.monotonic()
note.delay_on_commit(BOOK, "2")
print(first - start, time.monotonic() - first, flush=True)
os._exit(0)
""")
    first, second = map(float, took.split())
    assert first < 1
    assert second < 0.3
    assert shop.left() == 2
    if fault == "stop":
        shop.broker.start()
    else:
        shop.broker.resume()
    shop.work()
    if how == "beat":
        shop.project.start("beat", "-m", "celery", "--app=config", "beat")
    else:
        shop.run(DUE)
        shop.project.manage("outbox", "--once")
    # A broker that was silent may have taken the message that was given up: at least once.
    assert set(shop.wait_for(2)) >= {"1"}
    shop.project.wait_for("both", lambda: set(shop.entries()) == {"1", "2"}, 60)
    shop.project.wait_for("an empty outbox", lambda: shop.left() == 0)


def test_killed_between_commit_and_publish(shop: Shop) -> None:
    """A process that is killed when it has committed and not published loses nothing."""
    shop.run("""
publisher.publish = lambda *_: os.kill(os.getpid(), 9)
note.delay_on_commit(BOOK, "1")
""")
    assert shop.left() == 1
    shop.work()
    shop.run(DUE)
    shop.project.manage("outbox")
    assert shop.wait_for(1) == ["1"]
    assert shop.left() == 0


def test_two_relays_and_a_poison_row(shop: Shop) -> None:
    """300 rows and before them one that names an unknown queue; two relays at once send each of the 300 once."""
    shop.run(f"""
publisher._paused_until = time.monotonic() + 600
with transaction.atomic():
    note.apply_async_on_commit([BOOK, "poison"], queue="nowhere")
    for number in range(300):
        note.delay_on_commit(BOOK, str(number))
{DUE}
""")
    relays = [
        subprocess.Popen([sys.executable, "manage.py", "outbox"], cwd=ROOT, env=shop.project.environment)
        for _ in range(2)
    ]
    assert [relay.wait(120) for relay in relays] == [0, 0]
    assert shop.run("print(OutboxMessage.objects.get().last_error)").startswith("QueueNotFound")
    shop.work()
    assert Counter(shop.wait_for(300)) == Counter(str(number) for number in range(300))
