"""The outbox's rows; what needs a broker is in tests/durability."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import chain, group, shared_task
from django.db import transaction
from django.test import Client
from kombu.utils import json

from {{ cookiecutter.project_slug }}.tasking.arguments import ArgumentError
from {{ cookiecutter.project_slug }}.tasking.models import OutboxMessage
from {{ cookiecutter.project_slug }}.tasking.outbox.publisher import apply_on_commit
from {{ cookiecutter.project_slug }}.tasking.outbox.relay import relay
from {{ cookiecutter.project_slug }}.tasking.queues import BULK

SEEN: list[Any] = []


@shared_task(
    queue=BULK,
)
def see_task(*values: Any) -> None:
    SEEN.append(values)


@shared_task(
    queue=BULK,
)
def fail_task() -> None:
    raise LookupError


# Celery's types know no base class of a project's own.
see: Any = see_task
fail: Any = fail_task


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


@pytest.mark.django_db
def test_it_runs_at_the_commit(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        task_id = see.delay_on_commit(1)
        assert OutboxMessage.objects.get().task_id == task_id
        assert SEEN == []
    assert SEEN == [(1,)]
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_row_and_without_a_transaction_it_runs_at_once() -> None:
    def roll_back() -> None:
        with transaction.atomic():
            see.delay_on_commit(1)
            raise LookupError

    with pytest.raises(LookupError):
        roll_back()
    assert not OutboxMessage.objects.exists()
    see.delay_on_commit(2)
    assert SEEN == [(2,)]


@pytest.mark.django_db
def test_values_come_back_as_they_were() -> None:
    values = (datetime(2026, 1, 2, tzinfo=UTC), Decimal("1.10"), uuid4())
    see.apply_async_on_commit(values, countdown=60, expires=120)
    message = json.loads(OutboxMessage.objects.get().signature)
    assert tuple(message["args"]) == values
    assert isinstance(message["args"][2], UUID)
    assert (message["options"]["expires"] - message["options"]["eta"]).total_seconds() == 60


@pytest.mark.django_db
@pytest.mark.parametrize("wrap", [lambda part: part, lambda part: chain(see.si(), part), group])
def test_arguments_are_checked_at_the_call(wrap: Any) -> None:
    with pytest.raises(ArgumentError):
        apply_on_commit(wrap(see.si({1: "a key that JSON changes"})))


@pytest.mark.django_db
def test_a_canvas_has_its_ids_before_it_is_sent(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first = apply_on_commit(chain(see.si(1), group(see.si(2), see.si(3)), see.si(4)))
        row = OutboxMessage.objects.get()
        assert row.task_id == first
        assert row.signature.count('"task_id"') >= 4
    assert SEEN == [(1,), (2,), (3,), (4,)]


@pytest.mark.django_db
def test_the_relay_takes_what_is_due_and_a_poison_row_waits() -> None:
    fail.delay_on_commit()
    see.delay_on_commit(1)
    assert relay() == 0
    OutboxMessage.objects.update(next_try_at=datetime(2026, 1, 1, tzinfo=UTC))
    OutboxMessage.objects.filter(task_name=fail.name).update(signature="{")
    assert relay() == 1
    assert SEEN == [(1,)]
    poison = OutboxMessage.objects.get()
    assert poison.attempts == 1
    assert "JSONDecodeError" in poison.last_error


@pytest.mark.django_db
def test_the_admin_shows_rows(admin_client: Client) -> None:
    task_id = see.delay_on_commit(1)
    page = admin_client.get("/admin/tasking/outboxmessage/", {"q": task_id})
    assert task_id in page.content.decode()
