"""The id of an HTTP request: in its answer, on its lines of the log, and on those of the tasks that it caused."""

import json
from typing import Any

import pytest
from celery import shared_task
from celery.app.trace import trace_task
from django.db import transaction
from django.http import HttpResponse
from django.test import RequestFactory
from kombu import Queue

from {{ cookiecutter.project_slug }}.tasking import request_id
from {{ cookiecutter.project_slug }}.tasking.models import OutboxMessage
from {{ cookiecutter.project_slug }}.tasking.outbox import publisher
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from config.celery import app

SEEN: list[str] = []


@shared_task(
    queue=DEFAULT,
)
def see() -> None:
    SEEN.append(request_id.current())


def ask(view: Any, **headers: str) -> Any:
    """Return the answer of a view to a request, by way of the middleware."""
    return request_id.middleware(view)(RequestFactory().get("/", headers=headers))


def show(_: Any) -> HttpResponse:
    return HttpResponse(request_id.current())


def test_each_request_has_an_id_of_its_own() -> None:
    first, second = ask(show), ask(show)
    assert first.content.decode() == first.headers["X-Request-ID"]
    assert first.content != second.content
    assert request_id.current() == ""


def test_that_of_a_proxy_is_taken_over() -> None:
    assert ask(show, x_request_id="abc-1.2:3_4").content == b"abc-1.2:3_4"


@pytest.mark.parametrize("given", ["a b", "a\tINFO all is well", "x" * 65, "", "<script>"])
def test_one_that_could_be_anything_is_not(given: str) -> None:
    answer = ask(show, x_request_id=given)
    assert len(answer.content) == 32
    assert answer.content.decode() == answer.headers["X-Request-ID"]


def test_it_is_gone_after_a_request_that_failed() -> None:
    def fail(_: Any) -> HttpResponse:
        raise LookupError

    with pytest.raises(LookupError):
        ask(fail)
    assert request_id.current() == ""


def test_a_message_carries_it(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.conf, "task_always_eager", False)

    def send(_: Any) -> HttpResponse:
        see.delay()
        return HttpResponse()

    answer = ask(send)
    message: Any = Queue(DEFAULT)(broker.default_channel).get()
    assert message.headers["request_id"] == answer.headers["X-Request-ID"]


def test_a_message_that_nobody_asked_for_carries_none(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.conf, "task_always_eager", False)
    see.delay()
    message: Any = Queue(DEFAULT)(broker.default_channel).get()
    assert "request_id" not in message.headers


@pytest.mark.django_db
def test_the_outbox_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_publish_now", lambda _: None)

    def send(_: Any) -> HttpResponse:
        with transaction.atomic():
            publisher.apply_on_commit(see.si() | see.si())
        return HttpResponse()

    answer = ask(send)
    chain = json.loads(OutboxMessage.objects.get().signature)
    ids = [task["options"]["headers"]["request_id"] for task in chain["kwargs"]["tasks"]]
    assert ids == [answer.headers["X-Request-ID"]] * 2


def test_a_task_knows_that_of_its_message() -> None:
    SEEN.clear()
    trace_task(app.tasks[see.name], "one", (), {}, request={"id": "one", "request_id": "of-the-message"}, app=app)
    assert SEEN == ["of-the-message"]
