"""Flower shows what the workers do, to whoever has its login."""

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT, QUEUES

from sandbox.brokers import RabbitMQ, Redis, free_ports

from .conftest import installed, stage
from .shop import Shop

pytestmark = pytest.mark.broker

LOGIN = "flower:a-password"
NOTE = "tests.durability.ledger.note"


def ask(url: str, login: str | None = None, body: bytes | None = None) -> tuple[int, bytes]:
    """Return status and body, of a POST if there is a body to send; the status is 0 where nobody answers yet."""
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    try:
        with urlopen(Request(url, body, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except URLError:
        return 0, b""


@pytest.fixture(params=["redis", "rabbitmq"])
def shop(
    request: pytest.FixtureRequest, ledger_server: Redis, tmp_path: Path, pytestconfig: pytest.Config
) -> Iterator[Shop]:
    """The project on each of the two; here RabbitMQ with its management API, which tells Flower what waits."""
    with Redis() as results:
        if request.param == "redis":
            yield from stage(results, results, ledger_server, tmp_path, pytestconfig)
            return
        with installed(partial(RabbitMQ, management=True)) as rabbitmq:
            for shop in stage(rabbitmq, results, ledger_server, tmp_path, pytestconfig):
                shop.project.environment["RABBITMQ_MANAGEMENT_URL"] = rabbitmq.management_url
                yield shop


def start_flower(shop: Shop) -> Callable[[str], str]:
    """Start it, and return a function that returns the page at a path as whoever has the login sees it."""
    (port,) = free_ports(1)
    shop.project.environment["FLOWER_BASIC_AUTH"] = LOGIN
    shop.start("manage.py", "flower", f"--port={port}", name="flower")
    site = shop.project.environment["FLOWER_URL"] = f"http://127.0.0.1:{port}"
    shop.wait_for("Flower answers", lambda: ask(f"{site}/")[0])
    return lambda path: ask(site + path, LOGIN)[1].decode()


def is_heard(shop: Shop, flower: Callable[[str], str]) -> bool:
    """Whether Flower shows a task. One is sent each time: Flower may not listen yet to the first."""
    shop.run("note.delay('shown')")
    shown = json.loads(flower("/api/tasks"))
    return any((task["name"], task["state"]) == (NOTE, "SUCCESS") for task in shown.values())


def test_it_shows_tasks_and_queues_to_whoever_has_the_login_and_to_nobody_else(shop: Shop) -> None:
    """A worker executes a task while Flower runs. Promise: Flower shows it, and how much waits in each queue.

    Without the login it shows nothing, and with it nobody can stop a worker.
    """
    flower = start_flower(shop)
    shop.worker()
    shop.wait_for("the task is shown", lambda: is_heard(shop, flower))
    (task_id, *_) = json.loads(flower("/api/tasks"))
    assert NOTE in flower(f"/task/{task_id}")
    # The worker holds as many as the table lets it.
    policy = QUEUES[DEFAULT]
    held = policy.concurrency * policy.prefetch_multiplier
    shop.run(f"for n in range({held + 3}): work.delay(str(n), 600)")
    shop.wait_for("the depth of the queue", lambda: depths(flower("/api/queues/length")).get(DEFAULT) == 3)
    assert DEFAULT in flower("/broker")

    site = shop.project.environment["FLOWER_URL"]
    for path in ("/", "/workers", "/tasks", f"/task/{task_id}", "/broker", "/api/tasks", "/api/workers"):
        assert ask(site + path)[0] == ask(site + path, "flower:wrong")[0] == HTTPStatus.UNAUTHORIZED, path
    for path in (f"/api/task/revoke/{task_id}", f"/api/worker/shutdown/{DEFAULT}", f"/api/task/apply/{NOTE}"):
        assert ask(site + path, LOGIN, b"{}")[0] in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}, path
    assert LOGIN.partition(":")[2] not in shop.project.log("flower").read_text()


def depths(answer: str) -> dict[str, int]:
    """Return how much waits in each queue, as Flower's API has it."""
    queues = json.loads(answer)["active_queues"]
    # RabbitMQ counts those that a worker holds among the messages.
    return {queue["name"]: queue.get("messages_ready", queue.get("messages")) for queue in queues}
