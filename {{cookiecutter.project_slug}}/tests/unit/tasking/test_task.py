"""The base class: what a task gets whose author gave it no thought, and which arguments it refuses."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from django.contrib.auth.models import Group
from django.db import OperationalError

from {{ cookiecutter.project_slug }}.tasking.arguments import MAX_SIZE, ArgumentError
from {{ cookiecutter.project_slug }}.tasking.errors import PermanentError, TransientError
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
