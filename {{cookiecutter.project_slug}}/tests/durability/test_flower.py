"""Flower shows what the workers do, to whoever has its login."""

import base64
import json
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from sandbox.brokers import free_ports

from .shop import Shop

pytestmark = pytest.mark.broker

LOGIN = "flower:a-password"


def ask(url: str, login: str | None = None) -> tuple[int, bytes]:
    """Return status and body; the status is 0 where nobody answers yet."""
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except URLError:
        return 0, b""


def test_it_shows_a_task_to_whoever_has_the_login_and_to_nobody_else(shop: Shop) -> None:
    """A worker executes a task while Flower runs. Promise: Flower shows it; without the login, nothing."""
    (port,) = free_ports(1)
    site = f"http://127.0.0.1:{port}"
    shop.project.environment["FLOWER_BASIC_AUTH"] = LOGIN
    shop.start("manage.py", "flower", f"--port={port}", name="flower")
    shop.worker()
    shop.wait_for("Flower answers", lambda: ask(f"{site}/")[0])
    for path in ("/", "/workers", "/tasks", "/api/tasks", "/api/workers"):
        assert ask(site + path)[0] == ask(site + path, "flower:wrong")[0] == HTTPStatus.UNAUTHORIZED, path

    def shown() -> list[str]:
        # Sent again and again: Flower may not listen to the first.
        shop.run("note.delay('shown')")
        status, body = ask(f"{site}/api/tasks", LOGIN)
        assert status == HTTPStatus.OK
        return [task["name"] for task in json.loads(body).values() if task["state"] == "SUCCESS"]

    assert "tests.durability.ledger.note" in shop.wait_for("the task is shown", shown)
    assert LOGIN.partition(":")[2] not in shop.project.log("flower").read_text()
