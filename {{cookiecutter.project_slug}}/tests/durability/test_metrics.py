"""Prometheus is told what became of each task, by the workers, and what waits, by `manage.py metrics`."""

from urllib.error import URLError
from urllib.request import urlopen

import pytest

from {{ cookiecutter.project_slug }}.tasking.queues import BULK, DEFAULT, QUEUES

from sandbox.brokers import free_ports

from .shop import Shop

pytestmark = pytest.mark.broker


def scrape(port: int) -> dict[str, float]:
    """Return what is told at a port, by name and labels; nothing where nobody answers yet."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    except URLError:
        return {}
    told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in told}


def serve_system(shop: Shop) -> int:
    """Start `manage.py metrics`, and return its port."""
    (port,) = free_ports(1)
    shop.start("manage.py", "metrics", f"--port={port}", name="metrics")
    shop.wait_for("the metrics of the system", lambda: scrape(port))
    return port


def series(name: str, **labels: str) -> str:
    """Return the name of what is told, as it is told."""
    pairs = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return name + "{" + pairs + "}"


def outcomes(port: int, task: str) -> dict[str, float]:
    """Return how often runs of a task of the ledger ended, by outcome."""
    told, task = scrape(port), f"tests.durability.ledger.{task}"
    ends = {
        outcome: told.get(series("celery_tasks_total", task=task, queue=DEFAULT, outcome=outcome), 0)
        for outcome in ("succeeded", "retried", "failed", "rejected")
    }
    return {outcome: count for outcome, count in ends.items() if count}


def test_a_worker_counts_what_becomes_of_its_tasks(shop: Shop) -> None:
    """A worker meets tasks that succeed, are tried again, fail, are killed and rejected.

    Promise: each end of a run is counted once, with its outcome, whichever process learned of it.
    """
    (base,) = free_ports(1)
    port = base + list(QUEUES).index(DEFAULT)
    shop.project.environment["METRICS_ADDRESS"] = f"127.0.0.1:{base}"
    shop.worker()
    sends = [
        "note.delay('good')",
        "note.delay('better')",
        "retried.delay('again')",
        "fail.delay('bug', 'bug')",
        "fail.delay('rejected', 'reject')",
        "expected.delay('mistake')",
        "give_up.delay('child', True)",
        "hang.apply_async(('hard',), soft_time_limit=1, time_limit=2)",
    ]
    shop.run("\n".join(sends))
    promised = {
        "note": {"succeeded": 2},
        "retried": {"retried": 1, "succeeded": 1},
        "fail": {"failed": 1, "rejected": 1},
        "expected": {"failed": 1},
        "give_up": {"retried": 1, "failed": 1},
        "hang": {"failed": 1},
    }
    shop.wait_for("all ends", lambda: {task: outcomes(port, task) for task in promised} == promised)
    told = scrape(port)
    runs = sum(sum(ends.values()) for ends in promised.values())
    assert told[series("celery_task_wait_seconds_count", queue=DEFAULT)] == runs
    assert sum(value for name, value in told.items() if name.startswith("celery_task_runtime_seconds_count")) == runs
    assert told[series("celery_worker_running", queue=DEFAULT)] == 0


def test_what_waits_is_told(shop: Shop) -> None:
    """Tasks wait for a worker that is not there. Promise: the queue's depth is told, and what waits in the tables."""
    port = serve_system(shop)
    shop.run("for n in range(3): note.apply_async((str(n),), queue='bulk')")
    depth = series("celery_queue_messages", queue=BULK)
    shop.wait_for("three that wait", lambda: scrape(port).get(depth) == 3)
    told = scrape(port)
    assert all(told[series("celery_up", part=part)] for part in ("broker", "database", "beat"))
    assert told["celery_dead_letters"] == told["celery_outbox_messages"] == told["celery_beat_leading"] == 0
    if shop.on_redis:
        assert told[series("celery_queue_oldest_message_seconds", queue=BULK)] > 0
    else:
        assert told[series("celery_queue_consumers", queue=BULK)] == 0


def test_a_broker_that_is_away_is_told(redis_shop: Shop) -> None:
    """The broker is stopped. Promise: the rest is told, and that the broker does not answer."""
    port = serve_system(redis_shop)
    redis_shop.broker.stop()
    up = series("celery_up", part="broker")
    redis_shop.wait_for("silence", lambda: scrape(port).get(up) == 0)
    told = scrape(port)
    assert told[series("celery_up", part="database")] == 1
    assert told["celery_outbox_messages"] == 0
    assert not any(name.startswith("celery_queue_messages") for name in told)
