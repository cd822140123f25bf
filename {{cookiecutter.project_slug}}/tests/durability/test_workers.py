"""Workers that die, and workers that are told to end: what they held is done by others."""

import os
import signal
import time

import pytest
from django.conf import settings

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT, QUEUES

from .checker import Account
from .shop import Shop

pytestmark = pytest.mark.broker

#: Seconds. Redis waits so long for a worker that may be dead; the project's own figure is derived from its limits.
VISIBILITY_TIMEOUT = 5

#: Seconds within which what a dead worker held begins again, once its successor is ready.
RECOVERY = {"redis": VISIBILITY_TIMEOUT + 10, "rabbitmq": 5}

POLICY = QUEUES[DEFAULT]


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(shop: Shop) -> None:
    """60 short tasks; three times the worker and its children are killed with SIGKILL in mid-work, and one starts.

    Promise: all are executed. What the last one held when it died begins again, once another is ready, within 5 s on
    RabbitMQ, and within visibility timeout + 10 s on Redis.
    """
    shop.change_redis(visibility_timeout=VISIBILITY_TIMEOUT)
    entries = {f"w{number}" for number in range(60)}
    shop.run("for number in range(60): work.delay('w%d' % number, 0.2)")
    for done in (10, 25, 40):
        worker = shop.worker()
        shop.wait_for_notes("end", done)
        shop.wait_for("mid-work", shop.at_work)
        shop.kill(worker)
    worker = shop.worker()
    shop.drain(entries, "end")

    last = {f"last{number}" for number in range(POLICY.concurrency * POLICY.prefetch_multiplier)}
    shop.run(f"for entry in {last}: work.delay(entry, 3)")
    shop.wait_for("mid-work", shop.at_work)
    died = shop.kill(worker)
    shop.worker()
    ready = time.time()
    again = shop.wait_for("a redelivery", lambda: [note.at for note in shop.notes("begin") if note.at > died])
    shop.drain(last, "end")
    account = Account.of(entries | last, shop.counted("end").elements())
    shop.prove("a worker killed with SIGKILL loses nothing", account, again[0] - died)
    assert again[0] - ready <= RECOVERY[shop.broker.name]


@pytest.mark.slow
def test_a_task_that_kills_its_child_process_ends(shop: Shop) -> None:
    """A task that kills its child process with SIGKILL whenever it runs, as the kernel does when memory runs out.

    Promise: it is retried as often as its queue says and stands among the dead letters; others are executed meanwhile.
    """
    shop.run("die.delay('doomed'); [note.delay('n%d' % number) for number in range(20)]")
    shop.worker()
    (letter,) = shop.letters()
    assert letter["exception"].startswith("WorkerLostError")
    assert (letter["task_name"], letter["attempts"]) == ("tests.durability.ledger.die", 1 + POLICY.max_retries)
    assert shop.counted("begin") == {"doomed": 1 + POLICY.max_retries}

    shop.run("note.delay('after')")
    entries = {f"n{number}" for number in range(20)} | {"after"}
    shop.drain(entries, "note")
    shop.prove("a task that kills its child ends, others go on", Account.of(entries, shop.counted("note").elements()))


@pytest.mark.slow
def test_a_child_lost_while_the_broker_is_away(shop: Shop) -> None:
    """The broker is killed while a task runs, then the task's child process; the broker comes back.

    Promise: the retry that the broker could not take is not the end of the task.
    """
    shop.change_redis(visibility_timeout=VISIBILITY_TIMEOUT)
    shop.worker()
    shop.run("work.delay('unlucky', 3)")
    (begun,) = shop.wait_for("mid-work", lambda: shop.notes("begin"))
    shop.broker.kill()
    os.kill(begun.pid, signal.SIGKILL)
    shop.broker.start()
    back = time.time()
    shop.drain({"unlucky"}, "end")
    ended = shop.notes("end")
    account = Account.of({"unlucky"}, shop.counted("end").elements())
    shop.prove("a child lost while the broker is away", account, ended[0].at - back if ended else None)


@pytest.mark.slow
def test_an_orderly_end_hands_on_what_takes_too_long(shop: Shop) -> None:
    """SIGTERM, as an orchestrator sends it, while a worker runs a short task and a long one and holds two more.

    Promise: it is gone within its soft shutdown and a few seconds, the short one is done once; the long one and those
    that were held begin within 5 s of the next worker's start, on both brokers: none waits for a timeout.
    """
    worker = shop.worker()
    entries = {"short", "long", "held1", "held2"}
    shop.run("work.delay('long', 15); work.delay('short', 3); work.delay('held1', 15); work.delay('held2', 0)")
    shop.wait_for("mid-work", lambda: shop.at_work() == {"short", "long"})
    told = time.monotonic()
    shop.project.stop(worker)
    took = time.monotonic() - told
    assert took < settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 5
    assert shop.counted("end")["short"] == 1

    shop.worker()
    ready = time.time()
    unfinished = entries - shop.counted("end").keys()
    again = shop.wait_for("redelivery", lambda: [note.at for note in shop.notes("begin") if note.at > ready - 1])
    shop.drain(unfinished, "end")
    account = Account.of(entries, shop.counted("end").elements())
    shop.prove("SIGTERM: short tasks end, the rest is handed on", account, max(0, again[0] - ready))
    assert again[0] - ready < 5
    assert shop.counted("end")["short"] == 1


@pytest.mark.slow
def test_an_orderly_end_is_an_end_also_where_python_drops_it(shop: Shop) -> None:
    """SIGTERM while a task is in a `__del__`, out of which Python lets no exception.

    Promise: the worker is gone within its soft shutdown and a few seconds.
    """
    worker = shop.worker()
    shop.run("collect.delay('dropped')")
    shop.wait_for("mid-work", lambda: shop.notes("begin"))
    told = time.monotonic()
    shop.project.stop(worker)
    assert time.monotonic() - told < settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 5


@pytest.mark.slow
def test_a_delayed_task_survives_an_orderly_end(shop: Shop) -> None:
    """A task with a countdown of 8 s, which on Redis a worker holds; that worker, otherwise idle, gets SIGTERM.

    Promise: the next worker executes it in time.
    """
    worker = shop.worker()
    shop.run("note.apply_async(['later'], countdown=8)")
    sent = time.time()
    shop.run("note.delay('now')")
    shop.drain({"now"}, "note")
    shop.project.stop(worker)
    shop.worker()
    shop.drain({"now", "later"}, "note")
    shop.prove("a delayed task survives SIGTERM", Account.of({"now", "later"}, shop.counted("note").elements()))
    assert 7 < shop.notes("note")[-1].at - sent < 20


@pytest.mark.slow
def test_recycled_children_lose_nothing(shop: Shop) -> None:
    """Children that are replaced after five tasks each; 100 tasks. Promise: all are executed, by many children."""
    shop.change(CELERY_WORKER_MAX_TASKS_PER_CHILD=5)
    shop.worker()
    entries = {f"n{number}" for number in range(100)}
    shop.run("for number in range(100): note.delay('n%d' % number)")
    shop.drain(entries, "note")
    assert len({note.pid for note in shop.notes("note")}) >= 20
    shop.prove("recycled children lose nothing", Account.of(entries, shop.counted("note").elements()))


def test_a_cut_connection_in_mid_task_changes_nothing_twice(shop: Shop) -> None:
    """Tasks that change the database in a transaction of 3 s; the broker cuts all connections in their midst.

    Promise: the copies that still run are stopped, the tasks are delivered again, and what they change is changed once.
    """
    # SQLite lets one of them write at a time: the last of four is held for 12 s.
    shop.change_redis(visibility_timeout=15)
    shop.worker()
    entries = {f"c{number}" for number in range(4)}
    shop.run("for number in range(4): charge.delay('c%d' % number, 3)")
    stopped = shop.wait_for("mid-work", shop.at_work)
    shop.cut_connections()
    cut = time.time()
    again = shop.wait_for("a redelivery", lambda: [note.at for note in shop.notes("begin") if note.at > cut])
    shop.drain(entries, "end")
    effects = shop.effects()
    shop.prove("a cut connection: the effect stands once", Account.of(entries, effects), again[0] - cut)
    assert sorted(effects) == sorted(entries)
    assert all(shop.counted("end")[entry] == 1 for entry in stopped)


@pytest.mark.slow
def test_a_worker_that_dies_after_the_commit_changes_nothing_twice(shop: Shop) -> None:
    """Tasks that change the database; the whole worker dies when one has committed and is not acknowledged yet.

    Promise: they are delivered again, and what they change is changed once.
    """
    shop.change_redis(visibility_timeout=VISIBILITY_TIMEOUT)
    entries = {f"c{number}" for number in range(3)}
    shop.run("for number in range(3): charge.delay('c%d' % number, 0, dies=True)")
    shop.worker(restarts=True)
    shop.drain(entries, "end")
    effects = shop.effects()
    shop.prove("a death after the commit: the effect stands once", Account.of(entries, effects))
    assert sorted(effects) == sorted(entries)
    assert set(shop.counted("begin").values()) != {1}


def test_a_task_that_waits_for_another_fails_at_once(shop: Shop) -> None:
    """Each child of a worker begins a task that waits for another, for which there is no child left.

    Promise: nobody waits. Each fails with the reason, and the tasks they waited for run.
    """
    shop.worker()
    waiting = {f"w{number}" for number in range(QUEUES[DEFAULT].concurrency)}
    shop.run(f"for entry in {sorted(waiting)}: wait.delay(entry)")
    letters = shop.letters(len(waiting))
    assert len(letters) == len(waiting)
    assert all("Never call result.get() within a task" in letter["exception"] for letter in letters)
    shop.drain(waiting, "note")
    shop.prove("a task that waits for another fails", Account.of(waiting, shop.counted("note").elements()))
