"""The chaos panel is there in development only. What its buttons do, `tests/durability/orders/test_chaos.py` shows."""

import sys
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse

from {{ cookiecutter.project_slug }}.orders import chaos
from {{ cookiecutter.project_slug }}.orders.chaos import experiments

from .factories import ImportFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def development(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Development, on a machine whose Redis is away."""
    settings.DEBUG = True
    away = redis.Redis(port=1, socket_connect_timeout=1)
    monkeypatch.setattr(experiments, "client", lambda: away)


def address(name: str) -> str:
    return reverse("orders:chaos", args=[ImportFactory.create().pk, name])


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
def test_outside_development_there_is_none(client: Client, name: str) -> None:
    assert client.post(address(name)).status_code == 404


def test_outside_development_no_worker_listens_to_it() -> None:
    assert not chaos.is_enabled()
    assert f"{chaos.__name__}.victims" not in sys.modules


def test_outside_development_no_page_shows_it(client: Client) -> None:
    assert "Break something" not in client.get(ImportFactory.create().get_absolute_url()).content.decode()


def test_an_experiment_that_is_none(client: Client, development: None) -> None:
    assert client.post(address("nothing")).status_code == 404


def test_a_link_breaks_nothing(client: Client, development: None) -> None:
    assert client.get(address("kill")).status_code == 405


def test_what_could_not_be_done_is_told(client: Client, development: None) -> None:
    page = client.post(address("kill"), follow=True).content.decode()
    assert "Kill a worker&#x27;s process: not done" in page
