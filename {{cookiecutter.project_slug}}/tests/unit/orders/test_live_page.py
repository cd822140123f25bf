"""What the page of an import shows while it runs: whatever became of its tasks, it tells the truth."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from {{ cookiecutter.project_slug }}.orders.models import Chunk, Import, RowError, Step
from {{ cookiecutter.project_slug }}.orders.page import charts, pace
from {{ cookiecutter.project_slug }}.orders.page.diagram import diagram
from {{ cookiecutter.project_slug }}.orders.page.grid import grid
from {{ cookiecutter.project_slug }}.orders.page.live import live
from {{ cookiecutter.project_slug }}.orders.page.look import LONGEST_RUN, Look
from {{ cookiecutter.project_slug }}.orders.services import steps

from .factories import ImportFactory

pytestmark = pytest.mark.django_db

State = Import.State


def running(chunks: int = 4, done: int = 1, **attributes: Any) -> Import:
    """Return an import of which some chunks are done."""
    fields = {"state": State.IMPORTING, "rows": 10 * chunks, "attempt": 1} | attributes
    new: Import = ImportFactory.create(**fields)
    Chunk.objects.bulk_create(
        Chunk(
            import_file=new,
            number=number,
            rows=10,
            offset=100 if number < done else 0,
            line=1,
            end=100,
            imported=10 if number < done else 0,
        )
        for number in range(chunks)
    )
    return new


def step(of: Import, name: str = "import_chunk", state: str = Step.State.RUNNING, **attributes: Any) -> Step:
    """Add what is known of a task."""
    fields = {"task_id": f"task-{Step.objects.count()}", "began_at": timezone.now(), "attempt": of.attempt}
    return Step.objects.create(import_file=of, name=name, state=state, **fields | attributes)


def looks(shown: Import) -> dict[str, Look]:
    """Return how the boxes of the diagram look, by their names."""
    drawn = live(shown)["diagram"]
    return {box.place.label: box.look for box in [*drawn.boxes, drawn.errback]}


def squares(shown: Import) -> dict[Look, int]:
    """Return how many chunks look how."""
    return {one.look: one.count for one in live(shown)["grid"].squares}


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (State.RECEIVED, {"Check file"}),
        (State.ASKING, {"Check file"}),
        (State.CHECKED, {"Split"}),
        (State.IMPORTING, {"Chunks"}),
        (State.IMPORTED, {"Fetch rates"}),
        (State.RATED, {"Report", "Mail"}),
        (State.FINISHED, set()),
    ],
)
def test_the_diagram_follows_the_state_of_the_import(state: str, due: set[str]) -> None:
    chunks = Counter({Look.DONE: 4} if state in {State.IMPORTED, State.RATED, State.FINISHED} else {Look.TODO: 4})
    drawn = diagram(Import(state=state), chunks, {})
    assert {box.place.label for box in drawn.boxes if box.look is Look.DUE} == due


def test_the_join_is_due_when_all_chunks_are_in() -> None:
    shown = running(done=4)
    assert looks(shown)["Chunks"] is Look.DONE
    assert looks(shown)["Join"] is Look.DUE


def test_a_chunk_shows_what_its_task_is_at() -> None:
    shown = running(chunks=6, done=2)
    for chunk, state in zip(shown.chunks.filter(number__gte=2), ("running", "retrying", "failed"), strict=False):
        step(shown, chunk=chunk, state=state)
    assert squares(shown) == {Look.DONE: 2, Look.RUNNING: 1, Look.RETRYING: 1, Look.FAILED: 1, Look.TODO: 1}
    assert looks(shown)["Chunks"] is Look.FAILED


def test_a_task_that_cannot_be_at_work_any_more_is_not_shown_at_work() -> None:
    shown = running()
    step(shown, chunk=shown.chunks.get(number=2), began_at=timezone.now() - LONGEST_RUN - timedelta(seconds=1))
    assert squares(shown)[Look.RETRYING] == 1


def test_what_an_earlier_attempt_says_is_out_of_date() -> None:
    shown = running(attempt=2)
    step(shown, chunk=shown.chunks.get(number=2), state=Step.State.FAILED, attempt=1)
    assert Look.FAILED not in squares(shown)


def test_an_import_that_was_cancelled_has_nothing_at_work() -> None:
    shown = running(cancelled_at=timezone.now())
    step(shown, chunk=shown.chunks.get(number=2))
    assert squares(shown) == {Look.DONE: 1, Look.TODO: 3}
    assert looks(shown)["Chunks"] is Look.TODO


def test_an_import_that_failed_shows_where_and_its_errback() -> None:
    shown = running(failure="It broke.", failed_task_id="abc")
    step(shown, chunk=shown.chunks.get(number=3), state=Step.State.FAILED)
    assert looks(shown)["Chunks"] is Look.FAILED
    assert looks(shown)["On failure"] is Look.FAILED


def test_a_retry_and_a_second_delivery_are_told(client: Client) -> None:
    shown = running()
    chunks = {chunk.number: chunk.pk for chunk in shown.chunks.all()}
    for number in (1, 2):
        steps.begin(f"task-{number}", "import_chunk", import_id=shown.pk, attempt=1, chunk_id=chunks[number])
    steps.end("task-1", "import_chunk", Step.State.RETRYING, "the mail server sleeps")
    steps.begin("task-2", "import_chunk", import_id=shown.pk, attempt=1, chunk_id=chunks[2])
    page = client.get(reverse("orders:live-import", args=[shown.pk])).content.decode()
    assert "the mail server sleeps" in page
    assert steps.LOST in page
    assert dict(shown.steps.values_list("task_id", "runs")) == {"task-1": 1, "task-2": 2}


def test_a_chord_has_the_id_of_the_task_in_whose_place_it_stands() -> None:
    shown = running()
    steps.begin("task-1", "split", import_id=shown.pk, attempt=1)
    steps.begin("task-1", "reconcile", import_id=shown.pk, attempt=1)
    steps.end("task-1", "split", Step.State.DONE)
    assert dict(shown.steps.values_list("name", "state")) == {"split": "done", "reconcile": "running"}
    assert not shown.steps.exclude(note="").exists()


def test_a_task_of_no_known_workflow_is_not_noted() -> None:
    steps.begin_within("nobody", "task-1", "fetch_rates_of")
    assert not Step.objects.exists()


def test_a_chunk_that_was_deleted_is_not_noted() -> None:
    shown = running()
    step(shown, name="start", task_id="root")
    steps.begin_within("root", "task-1", "import_chunk", chunk_id=0)
    assert not Step.objects.filter(task_id="task-1").exists()


def test_thousands_of_chunks_are_a_small_page(client: Client, django_assert_max_num_queries: Any) -> None:
    shown = running(chunks=2000, done=0)
    # The worst there can be: no two neighbours alike.
    shown.chunks.filter(number__in=range(0, 2000, 2)).update(offset=100)
    RowError.objects.bulk_create(
        RowError(import_file=shown, line=n, value="x" * 20, reason="y" * 60) for n in range(500)
    )
    with django_assert_max_num_queries(8):
        page = client.get(reverse("orders:live-import", args=[shown.pk])).content
    assert len(page) < 30_000


def test_neighbours_that_look_alike_are_one_stroke() -> None:
    drawn = grid([Look.DONE] * 66 + [Look.TODO])
    assert drawn
    assert (drawn.columns, drawn.rows) == (56, 2)
    assert [(one.look, one.count, one.path) for one in drawn.squares] == [
        (Look.DONE, 66, "M0 0h56M0 1h10"),
        (Look.TODO, 1, "M10 1h1"),
    ]
    assert grid([]) is None


def test_the_pace_is_that_of_the_last_seconds() -> None:
    shown = running(chunks=4, done=4)
    now = timezone.now()
    step(shown, name="split", state=Step.State.DONE)
    shown.steps.update(updated_at=now - timedelta(minutes=1))
    shown.chunks.filter(number=0).update(updated_at=now - timedelta(seconds=30))
    assert live(shown)["per_second"] == 3, "thirty rows in ten seconds, the ten of the first chunk are too long ago"
    shown.steps.update(updated_at=now - timedelta(seconds=5))
    assert live(shown)["per_second"] in {5, 6}, "thirty rows since it began"
    shown.steps.update(updated_at=now)
    assert live(shown)["per_second"] == 0, "too early to tell"


@pytest.mark.parametrize(
    ("rows", "per_second", "words"), [(100, 0, ""), (100, 100, "1 s"), (900, 10, "90 s"), (6001, 10, "11 min")]
)
def test_the_time_left_in_words(rows: int, per_second: int, words: str) -> None:
    assert pace.time_left(rows, per_second) == words


def test_a_month_in_which_more_came_back_goes_below_zero() -> None:
    chart = charts.columns(
        [{"month": "2011-01", "GBP": "300.00"}, {"month": "2011-02", "GBP": "-100.00"}], "month", "GBP"
    )
    assert chart
    above, below = chart.bars
    assert (above.y, above.height, above.is_negative) == (0, 120, False)
    assert (below.y, below.height, below.is_negative) == (120, 40, True)


@pytest.mark.parametrize("amounts", [[], ["0.00"], ["-5.00"], ["1500.40", "0.00"]])
def test_a_chart_of_any_amounts(amounts: list[str]) -> None:
    table = [{"country": "France", "revenue": amount} for amount in amounts]
    chart = charts.rows(table, "country", "revenue")
    assert [bar.amount for bar in chart.bars] == [Decimal(amount) for amount in amounts] if chart else not amounts
