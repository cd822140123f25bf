"""The worker's view of a message: what it says of its task, and when it is acknowledged."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery import shared_task
from celery.exceptions import Reject, TimeLimitExceeded, WorkerLostError
from celery.signals import task_failure

from {{ cookiecutter.project_slug }}.tasking.consumer import Consumer
from {{ cookiecutter.project_slug }}.tasking.queues import BULK
from {{ cookiecutter.project_slug }}.tasking.request import Request, context_of

from config.celery import app

EVENTS: list[Any] = []


@shared_task(
    queue=BULK,
    max_retries=0,
)
def pack_task(*values: Any) -> None:
    EVENTS.append(values)


@shared_task(
    bind=True,
    queue=BULK,
)
def complain_task(self: Any, text: str) -> None:
    EVENTS.append(text)


pack: Any = pack_task
complain: Any = complain_task


@pytest.fixture(autouse=True)
def no_events() -> None:
    EVENTS.clear()


@pytest.fixture
def deliver(broker: Any) -> Callable[..., Any]:
    """A function that sends a body with headers to a queue and returns the message as a worker receives it."""

    def deliver(body: Any, headers: dict[str, Any] | None = None) -> Any:
        exchange = app.conf.task_default_exchange
        broker.Producer().publish(body, exchange=exchange, routing_key=BULK, headers=headers, serializer="json")
        return app.amqp.queues[BULK](broker.default_channel).get(accept=["json"])

    return deliver


def task_message(name: str, *args: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Return the body and the headers of a task's message as Celery makes them."""
    message = app.amqp.as_task_v2("one", name, args, {"n": 1}, **options)
    return message.body, message.headers


def test_it_says_what_task_request_would(deliver: Any) -> None:
    body, headers = task_message(pack.name, 1, root_id="root", group_id="group", errbacks=[complain.si("no")])
    context = context_of(deliver(body, headers))
    assert (context.id, context.task, context.root_id, context.group) == ("one", pack.name, "root", "group")
    assert (context.args, context.kwargs) == ([1], {"n": 1})
    assert context.errbacks[0]["task"] == complain.name
    assert context.delivery_info["routing_key"] == BULK


def test_it_reads_the_messages_of_other_clients_too(deliver: Any) -> None:
    """Protocol 1 has all in the body."""
    body = {"id": "one", "task": pack.name, "args": [1], "kwargs": {"n": 1}, "retries": 2}
    context = context_of(deliver(body))
    assert (context.id, context.task, context.retries) == ("one", pack.name, 2)
    assert (context.args, context.kwargs, context.errbacks) == ([1], {"n": 1}, None)


@pytest.mark.parametrize(
    "body", [[], [1, 2, 3], [[], {}, None], {}, {"id": "one"}, {"a": 1, "b": 2, "c": 3}, "abc", 7, None]
)
def test_what_is_no_tasks_message_is_an_error(deliver: Any, body: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        context_of(deliver(body))


@pytest.fixture
def request_of(deliver: Any) -> Iterator[Callable[..., Any]]:
    """A function that returns the request of a message; its failure, its ack and its rejection are noted."""

    def failed(sender: Any, **_: Any) -> None:
        EVENTS.append(("failed", sender.request.args))

    def request_of(**options: Any) -> Any:
        body, headers = task_message(pack.name, 1, ignore_result=True, **options)
        return Request(
            deliver(body, headers),
            app=app,
            task=pack,
            on_ack=lambda *_: EVENTS.append("ack"),
            on_reject=lambda _logger, _errors, requeue: EVENTS.append(f"reject, requeue={requeue}"),
        )

    task_failure.connect(failed)
    yield request_of
    task_failure.disconnect(failed)


def info_of(error: Exception) -> ExceptionInfo:
    try:
        raise error
    except type(error):
        return ExceptionInfo()


@pytest.fixture(autouse=True)
def no_dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "keep_dead_letter", False)


def test_a_lost_child_is_told_before_the_message_is_acknowledged(request_of: Any) -> None:
    request_of(errbacks=[complain.si("lost")]).on_failure(info_of(WorkerLostError("killed")))
    assert EVENTS == ["lost", ("failed", [1]), "ack"]


def test_so_is_a_hard_time_limit_of_which_the_pool_tells_twice(request_of: Any) -> None:
    request = request_of(errbacks=[complain.si("late")])
    request.on_failure(info_of(TimeLimitExceeded(15)))
    request.on_timeout(soft=False, timeout=15)
    assert EVENTS == ["late", ("failed", [1]), "ack"]


def test_so_is_a_rejection(request_of: Any) -> None:
    request_of().on_failure(info_of(Reject("no")))
    assert EVENTS == [("failed", [1]), "reject, requeue=False"]


def test_a_failure_of_which_nobody_can_be_told_is_not_acknowledged(
    request_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result backend is away: the message comes again, and the failure with it."""

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    request = request_of()
    with monkeypatch.context() as outage:
        outage.setattr(pack.backend, "mark_as_failure", away)
        with pytest.raises(ConnectionError):
            request.on_failure(info_of(WorkerLostError("killed")))
    assert EVENTS == []
    request.on_failure(info_of(WorkerLostError("killed")))
    assert EVENTS == [("failed", [1]), "ack"]


def test_what_a_task_raised_is_acknowledged_once(request_of: Any) -> None:
    """Its child process has told of it already."""
    request_of().on_failure(info_of(LookupError()), return_ok=True)
    assert EVENTS == ["ack"]


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A consumer that reads no queue, and a result backend that keeps nothing."""
    consumer = Consumer.__new__(Consumer)
    consumer.app, consumer.connection_errors, consumer.event_dispatcher = app, (), None
    monkeypatch.setattr(app.backend, "store_result", lambda *_, **__: None)
    return consumer


def test_who_waits_for_an_unknown_task_is_told(deliver: Any, consumer: Consumer) -> None:
    body, headers = task_message("no.such.task", errbacks=[complain.si("unknown")])
    message = deliver(body, headers)
    consumer.on_unknown_task(None, message, KeyError("no.such.task"))
    assert EVENTS == ["unknown"]
    assert message._state == "REJECTED"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"id": "one", "task": "no.such.task", "args": [], "kwargs": {}}, {}),
        ("no body", {"id": "one", "task": "no.such.task"}),
        ([[], {}, {}], {"task": "no.such.task"}),
    ],
    ids=["protocol 1", "unreadable", "without an id"],
)
def test_the_worker_outlives_any_message_of_an_unknown_task(
    deliver: Any, consumer: Consumer, body: Any, headers: dict[str, Any]
) -> None:
    message = deliver(body, headers)
    consumer.on_unknown_task(None, message, KeyError("no.such.task"))
    assert message._state == "REJECTED"
