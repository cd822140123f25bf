"""Exchange rates, from the bundled table and from a service that answers in every way a service can."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from {{ cookiecutter.project_slug }}.orders import conf
from {{ cookiecutter.project_slug }}.orders.models import ExchangeRate
from {{ cookiecutter.project_slug }}.orders.services import rates
from {{ cookiecutter.project_slug }}.tasking.errors import PermanentError, TransientError

pytestmark = pytest.mark.django_db

MARCH = date(2011, 3, 1)


class Answer(BaseHTTPRequestHandler):
    """The service: answers what the test says, and remembers what it was asked."""

    status: ClassVar[int]
    body: ClassVar[bytes]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Answer]]:
    """A service on this machine that the project asks."""
    Answer.status, Answer.body, Answer.asked = 200, b"", []
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        monkeypatch.setattr(conf, "RATES_URL", f"http://127.0.0.1:{server.server_port}/v1")
        yield Answer
        server.shutdown()
        thread.join()


def test_without_a_service_the_bundled_table_is_used() -> None:
    rates.fetch(MARCH)
    assert {rate.currency: rate.rate for rate in ExchangeRate.objects.all()} == rates.BUNDLED[2011]


def test_a_year_that_is_not_in_the_table_takes_the_nearest() -> None:
    rates.fetch(date(2026, 1, 1))
    assert ExchangeRate.objects.get(currency="EUR").rate == rates.BUNDLED[2011]["EUR"]


def test_the_service_is_asked_and_its_answer_kept(service: type[Answer]) -> None:
    service.body = json.dumps({"base": "GBP", "rates": {"EUR": 1.1532, "USD": 2}}).encode()
    rates.fetch(MARCH)
    rates.fetch(MARCH)
    assert service.asked == ["/v1/2011-03-01?base=GBP&symbols=EUR%2CUSD"] * 2
    kept = dict(ExchangeRate.objects.values_list("currency", "rate"))
    assert kept == {"EUR": Decimal("1.1532"), "USD": Decimal(2)}


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_transient(service: type[Answer], status: int) -> None:
    service.status = status
    with pytest.raises(TransientError, match=f"answered {status}"):
        rates.fetch(MARCH)


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_we_ask_wrongly_is_permanent(service: type[Answer], status: int) -> None:
    service.status = status
    with pytest.raises(PermanentError, match=f"answered {status}"):
        rates.fetch(MARCH)


def test_garbage_is_transient(service: type[Answer]) -> None:
    service.body = b"<html>We will be back soon</html>"
    with pytest.raises(TransientError, match="no usable answer"):
        rates.fetch(MARCH)


@pytest.mark.parametrize("body", [b"{}", b'{"rates": {"EUR": 1.1}}', b'{"rates": {"EUR": "a", "USD": "b"}}', b"[]"])
def test_an_answer_of_another_shape_is_permanent(service: type[Answer], body: bytes) -> None:
    service.body = body
    with pytest.raises(PermanentError, match="has no rates for EUR, USD"):
        rates.fetch(MARCH)


def test_a_service_that_is_not_there_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "RATES_URL", "http://127.0.0.1:1")
    with pytest.raises(TransientError, match="no usable answer"):
        rates.fetch(MARCH)


def test_an_address_that_is_no_web_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "RATES_URL", "file:///etc/passwd")
    with pytest.raises(PermanentError, match="ORDERS_RATES_URL is 'file:///etc/passwd'"):
        rates.fetch(MARCH)
