"""The base class: what a task gets whose author gave it no thought, and which arguments it refuses."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.exceptions import QueueNotFound, Reject
from django.contrib.auth.models import Group
from django.db import OperationalError, transaction
from kombu import Connection, Queue

from {{ cookiecutter.project_slug }}.tasking.arguments import MAX_SIZE, ArgumentError, check
from {{ cookiecutter.project_slug }}.tasking.errors import OpenTransactionWarning, PermanentError, TransientError
from {{ cookiecutter.project_slug }}.tasking.task import Task

from config.celery import app as project_app


@pytest.fixture(params=[True, False], ids=["eager", "sent"])
def app(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An app whose tasks run at the call, or are sent to a broker that is not there and never asked."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_always_eager=request.param, task_eager_propagates=True, broker_url="redis://127.0.0.1:1")
    yield app
    app.close()


def accept(*args: Any, **kwargs: Any) -> int:
    """Count what it was given."""
    return len(args) + len(kwargs)


def test_the_project_uses_it() -> None:
    assert issubclass(project_app.Task, Task)
    assert all(isinstance(task, Task) for task in project_app.tasks.values())


def test_a_task_survives_its_worker() -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    task = app.task(accept, name="one", shared=False)
    assert task.acks_late
    assert task.retry_on_worker_lost
    assert task.reject_on_worker_lost


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [lambda group: ((group,), {}), lambda group: ((), {"group": group})])
def test_a_model_object_is_refused(app: Any, arguments: Any) -> None:
    task = app.task(accept, name="greet", shared=False)
    args, kwargs = arguments(Group.objects.create(name="a"))
    with pytest.raises(ArgumentError, match=r"greet: argument .* is a Group object\. Pass its id, as in .delay\(group"):
        task.delay(*args, **kwargs)


def test_an_object_deep_inside_is_refused_and_named(app: Any) -> None:
    task = app.task(accept, name="ship", shared=False)
    with pytest.raises(ArgumentError, match=r"ship: argument 1, item 1\['who'\] is a Group object"):
        task.delay([{"id": 1}, {"who": Group(name="a")}])


def test_a_queryset_is_refused(app: Any) -> None:
    task = app.task(accept, name="greet", shared=False)
    with pytest.raises(ArgumentError, match=r"argument 'groups' is a QuerySet object\. Pass the ids"):
        task.delay(groups=Group.objects.all())


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", ValueError("x"), lambda: None])
def test_any_other_object_is_refused(app: Any, value: object) -> None:
    task = app.task(accept, name="one", shared=False)
    with pytest.raises(ArgumentError, match="Pass plain values: str, int, float"):
        task.delay(value)


def test_keys_that_json_would_change_are_refused(app: Any) -> None:
    task = app.task(accept, name="one", shared=False)
    with pytest.raises(ArgumentError, match="the key 7, which JSON would turn into a string"):
        task.delay({7: "seven"})


def test_a_large_message_is_refused(app: Any) -> None:
    task = app.task(accept, name="one", shared=False)
    with pytest.raises(ArgumentError, match=r"more than 65,536\. Store the data and pass its id"):
        task.delay("x" * MAX_SIZE)


@pytest.mark.parametrize("result", [None, 9_999, "1234"])
def test_the_results_of_a_chord_of_thousands_are_no_large_argument(result: Any) -> None:
    check("body", ([result] * 9_000,), {})
    with pytest.raises(ArgumentError, match="more than"):
        check("body", ([result] * 14_000,), {})


def test_plain_values_pass() -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    values = [1, 1.5, "a", None, True, [1, (2, 3)], {"a": {"b": []}}, Decimal("1.20"), uuid4(), date(2011, 1, 2)]
    task = app.task(accept, name="count", shared=False)
    assert task.delay(*values, when=datetime(2011, 1, 2, tzinfo=UTC)).get() == len(values) + 1


@pytest.mark.parametrize("error", [TransientError, ConnectionError, TimeoutError, OperationalError])
def test_what_may_pass_is_retried(error: type[Exception]) -> None:
    assert _tries(error) == 1 + 3


@pytest.mark.parametrize("error", [PermanentError, ValueError, ZeroDivisionError])
def test_what_will_not_pass_is_not_retried(error: type[Exception]) -> None:
    assert _tries(error) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("send", ["delay", "apply_async", "signature", "chain"])
def test_w028_a_task_sent_in_an_open_transaction_is_named(send: str) -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    task = app.task(accept, name="shop.tasks.greet", shared=False)
    calls: dict[str, Callable[[], Any]] = {
        "delay": task.delay,
        "apply_async": task.apply_async,
        "signature": task.si().delay,
        "chain": (task.si() | task.si()).delay,
    }
    with pytest.raises(OpenTransactionWarning) as warning, transaction.atomic():
        calls[send]()
    assert str(warning.value) == (
        "tasking.W028: shop.tasks.greet is sent in an open transaction: it may run before the commit, and runs after a "
        "rollback. Use greet.delay_on_commit(...), for a Canvas apply_on_commit(...)."
    )


@pytest.mark.django_db(transaction=True)
def test_w028_names_the_line_of_the_call() -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_always_eager=True)
    task = app.task(accept, name="greet", shared=False)
    with pytest.warns(OpenTransactionWarning) as warnings, transaction.atomic():
        task.delay()
    assert [warning.filename for warning in warnings] == [__file__]


@pytest.mark.django_db(transaction=True)
def test_w028_after_the_commit_nothing_is_said() -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_always_eager=True)
    task = app.task(accept, name="greet", shared=False)
    sent: list[Any] = []
    with transaction.atomic():
        transaction.on_commit(lambda: sent.append(task.delay()))
    sent.append(task.delay())
    assert len(sent) == 2


@pytest.mark.django_db
def test_w028_the_transaction_of_a_test_does_not_count() -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_always_eager=True)
    task = app.task(accept, name="greet", shared=False)
    assert task.delay(1).get() == 1
    with pytest.raises(OpenTransactionWarning), transaction.atomic():
        task.delay(1)


def _tries(error: type[Exception]) -> int:
    """Run a task that always fails, with three retries, and return how often it ran."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    tries = []

    def fail() -> None:
        tries.append(1)
        raise error

    # Called directly the task would not be retried, sent eagerly it is, at once.
    result = app.task(fail, name="fail", shared=False, max_retries=3).apply()
    assert result.state == "FAILURE"
    assert isinstance(result.result, error)
    return len(tries)


@pytest.fixture
def etas(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that sends a task with options and returns the moment that stands in its message, or None."""
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    task = app.task(accept, name="one", shared=False, queue=f"delays-{uuid4()}")

    def eta(**options: Any) -> Any:
        task.apply_async(**options)
        with Connection("memory://") as connection:
            message: Any = Queue(task.queue)(connection.default_channel).get()
        return message.headers["eta"] and datetime.fromisoformat(message.headers["eta"])

    return eta


@pytest.mark.parametrize(("countdown", "seconds"), [(0.01, 1), (0.99, 1), (1, 1), (1.2, 2), (90, 90)])
def test_a_part_of_a_second_is_rounded_up(etas: Any, countdown: float, seconds: int) -> None:
    sent = datetime.now(UTC)
    assert timedelta(seconds=seconds) <= etas(countdown=countdown) - sent < timedelta(seconds=seconds + 1)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_moment_less_than_a_second_away_becomes_a_second(etas: Any, as_text: bool) -> None:
    sent = datetime.now(UTC)
    moment = sent + timedelta(seconds=0.95)
    eta = etas(eta=moment.isoformat() if as_text else moment)
    assert timedelta(seconds=1) <= eta - sent < timedelta(seconds=2)


@pytest.mark.parametrize("seconds", [-3600, -0.5, 5, 90])
def test_other_moments_stay_as_they_are(etas: Any, seconds: float) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    assert etas(eta=moment) == moment


@pytest.mark.parametrize("options", [{}, {"countdown": 0}, {"countdown": None}, {"eta": None}])
def test_what_has_no_delay_gets_none(etas: Any, options: dict[str, Any]) -> None:
    assert etas(**options) is None


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that refuses each connection."""
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://127.0.0.1:1//")


@pytest.mark.usefixtures("nowhere")
def test_a_delay_in_eager_mode_needs_no_broker() -> None:
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.task_always_eager = True
    task = app.task(accept, name="one", shared=False)
    assert task.apply_async((1,), countdown=0.5).get() == 1
    assert task.apply_async((1,), eta=datetime.now(UTC) + timedelta(seconds=0.5)).get() == 1


@pytest.fixture
def retried() -> Iterator[Any]:
    """A task at work, on an app whose publishes are not tried twice."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(task_publish_retry_policy={"max_retries": 0}, task_create_missing_queues=False)
    task = app.task(accept, name="one", shared=False)
    task.push_request(id="one", called_directly=False, args=[], kwargs={}, retries=0)
    yield task
    task.pop_request()


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("countdown", [0, 1])
def test_a_retry_that_the_broker_does_not_take_gives_the_message_back(retried: Any, countdown: int) -> None:
    with pytest.raises(Reject, match=r"refused.*True"):  # the reason, and whether it is put back
        retried.retry(countdown=countdown, exc=TransientError("away"))


@pytest.mark.parametrize(
    ("options", "error"), [({"queue": "misspelt"}, QueueNotFound), ({"args": [object()]}, ArgumentError)]
)
def test_a_retry_that_cannot_be_sent_at_all_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, retried: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    """Given back, it would run and fail in the same way again, for ever on Redis."""
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    with pytest.raises(error):
        retried.retry(countdown=1, exc=TransientError("away"), **options)
