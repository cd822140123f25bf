"""A key is committed with its effect, or not at all."""

import pytest
from django.db import transaction
from django.utils import timezone

from {{ cookiecutter.project_slug }}.tasking import tasks
from {{ cookiecutter.project_slug }}.tasking.idempotency import RETENTION, IdempotencyKey, first_time


@pytest.mark.django_db
def test_a_key_is_new_once() -> None:
    assert [first_time("a"), first_time("a"), first_time("b")] == [True, False, True]


@pytest.mark.django_db(transaction=True)
def test_it_belongs_into_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        first_time("a")


@pytest.mark.django_db
def test_a_long_key_is_refused() -> None:
    with pytest.raises(ValueError, match="200"):
        first_time("a" * 201)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("commits", [True, False])
def test_after_a_commit_it_is_done_and_after_a_rollback_it_is_not(commits: bool) -> None:
    with transaction.atomic():
        assert first_time("a")
        transaction.set_rollback(not commits)
    with transaction.atomic():
        assert first_time("a") is not commits


@pytest.mark.django_db
def test_old_keys_are_purged() -> None:
    first_time("old")
    IdempotencyKey.objects.update(created_at=timezone.now() - RETENTION * 1.01)
    first_time("new")
    tasks.purge.delay()
    assert IdempotencyKey.objects.get().key == "new"
