"""The example's workflow through real workers on a real broker, driven over HTTP as a user drives it."""

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from .conftest import Start, finished

pytestmark = pytest.mark.broker


class RatesService(BaseHTTPRequestHandler):
    """Exchange rates; each month is refused as often as the test says before it is answered."""

    refusals: ClassVar[int]
    status: ClassVar[int]
    asked: ClassVar[Counter[str]]

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        refused = self.asked[self.path] <= self.refusals
        self.send_response(self.status if refused else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"rates": {"EUR": 1.15, "USD": 1.6}}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def rates() -> Iterator[tuple[type[RatesService], str]]:
    """The service and its address."""
    RatesService.refusals, RatesService.status, RatesService.asked = 0, 503, Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), RatesService) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield RatesService, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_becomes_a_report(start: Start) -> None:
    """20,000 rows, ten chunks: every row is an order line or an error, the report is there, the mail is out."""
    with start() as (project, site):
        state = finished(project, site, site.post("/imports/sample/", rows=20_000))
        assert (state["state"], state["failure"]) == ("finished", "")
        assert state["imported"] + state["refused"] == state["rows"] == 20_000
        assert state["refused"] == 20
        assert len(state["report"]["months"]) == 12
        assert "Subject: Imported: sample-20000" in project.log("workers").read_text()


@pytest.mark.slow
def test_a_flaky_service_is_asked_again(start: Start, rates: tuple[type[RatesService], str]) -> None:
    """A service that answers 503 twice for each month costs patience and nothing else."""
    service, url = rates
    service.refusals = 2
    with start(ORDERS_RATES_URL=url) as (project, site):
        state = finished(project, site, site.post("/imports/sample/", rows=200))
        assert (state["state"], state["failure"]) == ("finished", "")
        assert set(service.asked.values()) == {3}


def test_a_failure_is_told_and_what_failed_is_resumed(start: Start, rates: tuple[type[RatesService], str]) -> None:
    """A service that answers 404 is not asked again. The errback names the task; resumed, only the rest is done."""
    service, url = rates
    service.refusals, service.status = 1, 404
    with start(ORDERS_RATES_URL=url) as (project, site):
        page = site.post("/imports/sample/", rows=200)
        state = finished(project, site, page)
        assert state["state"] == "imported"
        assert state["failure"]
        log = project.log("workers").read_text()
        assert any(state["failed_task_id"] in line and "fetch_rates_of" in line for line in log.splitlines())

        site.post(f"{page}resume/")
        state = finished(project, site, page)
        assert (state["state"], state["failure"]) == ("finished", "")
        assert state["imported"] + state["refused"] == 200


@pytest.mark.slow
def test_a_chunk_is_handed_on_at_its_soft_limit(start: Start) -> None:
    """One chunk of 120,000 rows, a soft limit of 2 s: task after task takes its place in the chord until it is in."""
    settings = "tests.durability.orders.impatient"
    with start(DJANGO_SETTINGS_MODULE=settings, ORDERS_ROWS_PER_CHUNK="120000") as (project, site):
        state = finished(project, site, site.post("/imports/sample/", rows=120_000))
        assert (state["state"], state["failure"]) == ("finished", "")
        assert state["imported"] + state["refused"] == 120_000
        assert "chunk handed on at the soft time limit" in project.log("workers").read_text()
