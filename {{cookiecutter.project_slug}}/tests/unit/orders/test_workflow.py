"""The workflow as a whole, run eagerly: what a file comes to, and what running it twice, or again, does."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail
from django.utils import timezone

from {{ cookiecutter.project_slug }}.orders import conf, tasks, workflows
from {{ cookiecutter.project_slug }}.orders.models import STALLED_AFTER, Chunk, Import
from {{ cookiecutter.project_slug }}.orders.services import imports, rates
from {{ cookiecutter.project_slug }}.orders.services.csv_file import DateOrder
from {{ cookiecutter.project_slug }}.tasking.errors import PermanentError, TransientError

from .factories import HEADER, ImportFactory, csv, row

pytestmark = pytest.mark.django_db

State = Import.State


def run(**attributes: Any) -> Import:
    """Run the workflow of a new import."""
    new: Import = ImportFactory.create(**attributes)
    workflows.run(new.pk)
    new.refresh_from_db()
    return new


def report(done: Import) -> Any:
    """Return the report of an import, which must have one."""
    assert done.report
    return done.report


def fail(*_: object, **__: object) -> None:
    """Stand in for a step that fails for good."""
    msg = "broken"
    raise PermanentError(msg)


def test_a_file_is_imported_reported_and_mailed() -> None:
    done = run(content=csv(row(6, price="2.50"), row(-1, price="2.50", invoice="C536379")))
    assert done.state == State.FINISHED
    assert list(done.order_lines.values_list("line", "quantity", "cancelled")) == [(2, 6, False), (3, -1, True)]
    assert report(done)["revenue"] == {"GBP": "12.50", "EUR": "14.62", "USD": "19.38"}
    assert report(done)["months"][0]["month"] == "2010-12"
    assert (report(done)["invoices"], report(done)["customers"], report(done)["cancelled"]) == (2, 1, 1)
    assert [message.subject for message in mail.outbox] == [f"Imported: {done.name}"]
    assert "2 of 2 rows" in mail.outbox[0].body


def test_identical_lines_both_count() -> None:
    done = run(content=csv(row(), row(), row()))
    assert done.order_lines.count() == 3


def test_bad_rows_become_errors_that_a_person_can_read() -> None:
    done = run(content=csv(row(), row("six"), "536365,85123A", row(date="31/31/2011 8:26"), row(price="free")))
    assert done.state == State.FINISHED
    assert done.order_lines.count() == 1
    errors = list(done.row_errors.values_list("line", "column", "value"))
    assert errors == [
        (3, "Quantity", "six"),
        (4, "", "536365,85123A"),
        (5, "InvoiceDate", "31/31/2011 8:26"),
        (6, "UnitPrice", "free"),
    ]
    assert all(error.reason for error in done.row_errors.all())


def test_a_file_with_no_good_row_still_finishes() -> None:
    done = run(content=csv(row("six")))
    assert done.state == State.FINISHED
    assert report(done)["revenue"]["GBP"] == "0"


def test_a_file_that_is_none_is_refused_in_one_sentence() -> None:
    refused = run(content=b"")
    assert refused.state == State.REFUSED
    assert "empty" in refused.refusal
    assert not mail.outbox


def test_undecided_dates_are_asked_for_and_the_answer_taken() -> None:
    asking = run(content=csv(row(date="1/2/11 8:26")))
    assert asking.state == State.ASKING
    assert imports.answer_date_order(asking.pk, DateOrder.DAY_FIRST)
    workflows.run(asking.pk)
    asking.refresh_from_db()
    assert asking.state == State.FINISHED
    assert asking.order_lines.get().invoiced_at.date().isoformat() == "2011-02-01"


def test_an_answer_without_a_question_changes_nothing() -> None:
    done = run()
    assert not imports.answer_date_order(done.pk, DateOrder.DAY_FIRST)


def test_running_it_all_again_changes_nothing() -> None:
    done = run()
    workflows.run(done.pk)
    assert done.order_lines.count() == 2
    assert len(mail.outbox) == 1


def test_a_file_of_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "ROWS_PER_CHUNK", 10)
    monkeypatch.setattr(imports, "ROWS_PER_BATCH", 3)
    done = run(content=csv(*(row(quantity) for quantity in range(95))))
    assert done.chunks.count() == 10
    assert sorted(done.order_lines.values_list("quantity", flat=True)) == list(range(95))


def test_a_chunk_delivered_twice_is_imported_once() -> None:
    done = run()
    for chunk in done.chunks.all():
        tasks.import_chunk.delay(chunk.pk)
    assert done.order_lines.count() == 2


def test_two_workers_at_the_same_chunk_import_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    new = ImportFactory.create()
    imports.inspect(new.pk)
    chunk_id = imports.begin(new.pk)[0]
    commit = imports._commit

    def slow_commit(chunk: Chunk, batch: Any) -> bool:
        monkeypatch.setattr(imports, "_commit", commit)
        imports.import_chunk(chunk_id)  # the other worker is faster
        return commit(chunk, batch)

    monkeypatch.setattr(imports, "_commit", slow_commit)
    imports.import_chunk(chunk_id)
    assert new.order_lines.count() == 2


def test_a_chunk_that_is_interrupted_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "ROWS_PER_BATCH", 4)
    new = ImportFactory.create(content=csv(*(row(quantity) for quantity in range(10))))
    imports.inspect(new.pk)
    chunk_id = imports.begin(new.pk)[0]
    _interrupt_after(2, monkeypatch)
    with pytest.raises(SoftTimeLimitExceeded):
        imports.import_chunk(chunk_id)
    assert imports.rows_left(chunk_id) == 2
    monkeypatch.undo()
    imports.import_chunk(chunk_id)
    assert sorted(new.order_lines.values_list("quantity", flat=True)) == list(range(10))


def test_at_the_soft_limit_the_rest_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "ROWS_PER_BATCH", 4)
    _interrupt_after(1, monkeypatch)
    done = run(content=csv(*(row(quantity) for quantity in range(10))))
    assert done.state == State.FINISHED
    assert done.order_lines.count() == 10


def test_a_chunk_that_gets_nowhere_in_its_time_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupt_after(0, monkeypatch)
    with pytest.raises(SoftTimeLimitExceeded):
        run()


def _interrupt_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise what Celery raises at the soft time limit, once, before the batch after so many."""
    commit = imports._commit
    left = batches

    def interrupted(chunk: Chunk, batch: Any) -> bool:
        nonlocal left
        left -= 1
        if left == -1:
            raise SoftTimeLimitExceeded
        return commit(chunk, batch)

    monkeypatch.setattr(imports, "_commit", interrupted)


def test_a_row_that_vanished_stops_the_import() -> None:
    new = ImportFactory.create()
    imports.inspect(new.pk)
    for chunk_id in imports.begin(new.pk):
        imports.import_chunk(chunk_id)
    new.order_lines.all()[0].delete()
    with pytest.raises(PermanentError, match="the file has 2 rows, the database 1 lines and 0 errors"):
        imports.reconcile(new.pk, new.attempt)


def test_a_chunk_that_is_still_at_work_is_waited_for() -> None:
    new = ImportFactory.create(attempt=1)
    imports.inspect(new.pk)
    imports.begin(new.pk)
    with pytest.raises(TransientError, match="1 chunks are not all in yet"):
        imports.reconcile(new.pk, 1)


def test_the_messages_of_an_attempt_that_was_cancelled_do_not_fail_the_next_one() -> None:
    new = ImportFactory.create(attempt=1)
    imports.inspect(new.pk)
    imports.begin(new.pk)
    imports.cancel(new.pk)
    imports.next_attempt(new.pk)
    imports.reconcile(new.pk, 1)
    new.refresh_from_db()
    assert (new.state, new.is_running) == (State.IMPORTING, True)


def test_a_failure_is_noted_and_the_import_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rates, "fetch", fail)
        new = ImportFactory.create()
        with pytest.raises(PermanentError):
            workflows.run(new.pk)
        tasks.record_failure.delay(new.pk, attempt=1)
    new.refresh_from_db()
    assert (new.state, new.is_running) == (State.IMPORTED, False)
    assert new.failed_task_id
    workflows.run(new.pk)
    new.refresh_from_db()
    assert (new.state, new.failure) == (State.FINISHED, "")


def test_a_failure_of_an_earlier_attempt_is_out_of_date() -> None:
    new = ImportFactory.create(attempt=2)
    tasks.record_failure.delay(new.pk, attempt=1)
    new.refresh_from_db()
    assert (new.is_running, new.failure) == (True, "")


def test_of_several_failures_the_first_is_noted() -> None:
    new = ImportFactory.create(attempt=1)
    assert imports.fail(new.pk, 1, "first")
    assert not imports.fail(new.pk, 1, "second")
    new.refresh_from_db()
    assert new.failed_task_id == "first"


def test_a_step_of_an_import_that_was_deleted_does_nothing() -> None:
    for step in (tasks.inspect_file, tasks.import_chunk, tasks.build_report, tasks.mail_summary):
        step.delay(999)
    tasks.reconcile.delay(999, 1)
    workflows.run(run().pk)


def test_a_failure_does_not_touch_what_is_finished() -> None:
    done = run()
    tasks.record_failure.delay(done.pk, done.attempt)
    done.refresh_from_db()
    assert (done.state, done.failure) == (State.FINISHED, "")


def _age(import_id: int, by: timedelta) -> None:
    Import.objects.filter(pk=import_id).update(updated_at=timezone.now() - by)
    Chunk.objects.filter(import_file=import_id).update(updated_at=timezone.now() - by)


def test_the_sweep_resumes_an_import_whose_messages_were_lost() -> None:
    new = ImportFactory.create()
    imports.inspect(new.pk)
    imports.begin(new.pk)
    _age(new.pk, STALLED_AFTER + timedelta(seconds=1))
    workflows.resume_stalled.delay()
    new.refresh_from_db()
    assert new.state == State.FINISHED


@pytest.mark.parametrize("state", [State.ASKING, State.REFUSED, State.FINISHED])
def test_the_sweep_leaves_an_import_that_waits_for_nobody(state: str) -> None:
    new = ImportFactory.create(state=state)
    _age(new.pk, STALLED_AFTER + timedelta(seconds=1))
    assert not Import.objects.stalled()


def test_the_sweep_leaves_an_import_that_works() -> None:
    new = ImportFactory.create()
    imports.inspect(new.pk)
    imports.begin(new.pk)
    Import.objects.filter(pk=new.pk).update(updated_at=timezone.now() - STALLED_AFTER * 2)
    assert not Import.objects.stalled()


def test_the_sweep_has_more_patience_with_each_attempt() -> None:
    new = ImportFactory.create(attempt=3)
    _age(new.pk, STALLED_AFTER * 3.9)
    assert not Import.objects.stalled()
    _age(new.pk, STALLED_AFTER * 4.1)
    assert Import.objects.stalled() == [new]


def test_the_sweep_leaves_an_import_that_failed() -> None:
    new = ImportFactory.create(failure="broken")
    _age(new.pk, STALLED_AFTER * 2)
    assert not Import.objects.stalled()


def test_old_imports_are_deleted_with_their_files() -> None:
    old, new = run(), run()
    name, storage = str(old.file.name), old.file.storage
    _age(old.pk, timedelta(days=366))
    workflows.delete_expired.delay()
    assert list(Import.objects.all()) == [new]
    assert not storage.exists(name)


def test_revenue_is_the_sum_of_quantity_times_price() -> None:
    done = run(content=csv(row(3, price="0.001"), row(2, price="10.10"), row(-1, price="0.1")))
    assert Decimal(report(done)["revenue"]["GBP"]) == Decimal("20.10")


def test_the_header_may_stand_in_any_order() -> None:
    names = HEADER.split(",")[::-1]
    values = row().split(",")[::-1]
    done = run(content="\n".join([",".join(names), ",".join(values)]).encode())
    assert done.order_lines.get().country == "United Kingdom"


def test_a_chunk_stops_after_the_batch_in_which_it_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "ROWS_PER_BATCH", 3)
    commit = imports._commit

    def commit_then_cancel(*arguments: Any) -> bool:
        return commit(*arguments) and imports.cancel(cancelled.pk)

    cancelled = ImportFactory.create(content=csv(*(row(quantity) for quantity in range(10))))
    monkeypatch.setattr(imports, "_commit", commit_then_cancel)
    workflows.run(cancelled.pk)
    cancelled.refresh_from_db()
    assert cancelled.state == State.IMPORTING
    assert cancelled.order_lines.count() == 3
    assert not mail.outbox

    monkeypatch.undo()
    workflows.run(cancelled.pk)
    cancelled.refresh_from_db()
    assert cancelled.state == State.FINISHED
    assert sorted(cancelled.order_lines.values_list("quantity", flat=True)) == list(range(10))


def test_a_cancelled_import_is_neither_resumed_by_the_sweep_nor_kept_for_ever() -> None:
    long_ago = timezone.now() - timedelta(days=366)
    cancelled = ImportFactory.create(state=State.IMPORTING, cancelled_at=long_ago)
    Import.objects.filter(pk=cancelled.pk).update(updated_at=long_ago)
    workflows.resume_stalled.delay()
    cancelled.refresh_from_db()
    assert cancelled.cancelled_at
    workflows.delete_expired.delay()
    assert not Import.objects.exists()


def test_a_cancelled_import_has_no_failure() -> None:
    cancelled = ImportFactory.create(state=State.IMPORTING, cancelled_at=timezone.now(), attempt=1)
    assert not imports.fail(cancelled.pk, 1, "abc")
