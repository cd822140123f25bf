"""The chaos panel breaks what it says, on a real broker, and the import heals: each row is there, and once."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from sandbox.brokers import RabbitMQ, Redis, Server
from sandbox.project import Project, Site

from ..conftest import installed
from .conftest import Start, finished

pytestmark = pytest.mark.broker

ROWS = 10_000


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest, redis_server: Redis) -> Iterator[Server]:
    """Each of the two in turn; here RabbitMQ with its management API, which closes connections."""
    if request.param == "redis":
        yield redis_server
        return
    with installed(partial(RabbitMQ, management=True)) as rabbitmq:
        yield rabbitmq


@pytest.fixture
def running(start: Start, broker: Server) -> Iterator[tuple[Project, Site, str]]:
    """The project, its site, and the page of an import whose chunks are on their way."""
    environment = {"DJANGO_SETTINGS_MODULE": "tests.durability.orders.brief", "ORDERS_ROWS_PER_CHUNK": "100"}
    if isinstance(broker, RabbitMQ):
        environment["RABBITMQ_MANAGEMENT_URL"] = broker.management_url
    with start(**environment) as (project, site):
        page = site.post("/imports/sample/", rows=ROWS)
        project.wait_for("the first rows", lambda: json.loads(site.get(f"{page[:-1]}.json"))["imported"])
        yield project, site, page
        assert "Signal handler" not in project.log("workers").read_text(), "a receiver of ours raised"


def press(site: Site, page: str, name: str) -> None:
    """Press a button of the panel."""
    site.post(f"{page}chaos/{name}/")


def troubles(site: Site, page: str) -> str:
    """Return what the page tells of tasks that did not get through at once."""
    shown = site.get(f"{page}live/").decode()
    return shown.partition('id="troubles"')[2].partition("</table>")[0]


def assert_all_in(state: Any) -> None:
    assert (state["state"], state["failure"]) == ("finished", "")
    assert state["imported"] + state["refused"] == state["rows"] == ROWS


def test_a_killed_process(running: tuple[Project, Site, str]) -> None:
    project, site, page = running
    press(site, page, "kill")
    assert_all_in(finished(project, site, page))
    assert "signal 9" in troubles(site, page)


def test_a_broker_that_is_away(running: tuple[Project, Site, str]) -> None:
    project, site, page = running
    press(site, page, "broker")
    assert "Stop the broker: on" in site.get(f"{page}live/").decode()
    assert_all_in(finished(project, site, page))


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["redis"], indirect=True)  # neither has a part in it
def test_a_rates_service_that_is_away(running: tuple[Project, Site, str]) -> None:
    project, site, page = running
    press(site, page, "rates")
    project.wait_for("a retry", lambda: "fetch_rates_of" in troubles(site, page), 60)
    assert_all_in(finished(project, site, page))
    assert "gave no usable answer" in troubles(site, page)


@pytest.mark.slow
def test_a_poisoned_chunk(running: tuple[Project, Site, str]) -> None:
    project, site, page = running
    press(site, page, "poison")
    state = finished(project, site, page)
    assert (state["state"], bool(state["failure"])) == ("importing", True)
    assert state["imported"] + state["refused"] == ROWS - 100, "the other chunks are in"
    assert state["failed_task_id"] in troubles(site, page)
    assert state["failed_task_id"] in project.manage("dead_letters", "list")

    press(site, page, "poison")  # which ends it
    site.post(f"{page}resume/")
    assert_all_in(finished(project, site, page))
