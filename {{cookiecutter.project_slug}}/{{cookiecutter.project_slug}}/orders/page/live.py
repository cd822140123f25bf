"""Everything of an import that changes while it runs, read in a few queries: its page asks for it every second."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F, Sum
from django.utils import timezone

from .. import chaos
from ..chaos.experiments import panel
from ..models import Import, Progress, Step
from . import charts, pace
from .diagram import diagram
from .grid import grid
from .look import Look, look_of

TROUBLES_SHOWN = 8


class _Chunk(NamedTuple):
    pk: int
    offset: int
    end: int
    imported: int
    refused: int


class _Step(NamedTuple):
    chunk_id: int | None
    name: str
    state: str
    began_at: datetime
    updated_at: datetime

    @property
    def look(self) -> Look:
        return look_of(self.state, self.began_at)


def live(shown: Import) -> dict[str, Any]:
    """Return what the template `live/import.html` shows of an import, its row errors apart."""
    chunks = [_Chunk(*chunk) for chunk in shown.chunks.order_by("number").values_list(*_Chunk._fields)]
    progress = Progress(shown.rows, sum(chunk.imported for chunk in chunks), sum(chunk.refused for chunk in chunks))
    # The steps of chunks that are done are many, and say nothing new.
    telling = shown.steps.filter(attempt=shown.attempt).exclude(name="import_chunk", state=Step.State.DONE)
    steps = [_Step(*step) for step in telling.values_list(*_Step._fields)]
    looks = _chunk_looks(shown, chunks, steps)
    per_second = _per_second(shown, steps) if shown.is_running and shown.state == Import.State.IMPORTING else 0
    return {
        "import": shown,
        "progress": progress,
        "per_second": per_second,
        "time_left": pace.time_left(progress.left, per_second),
        "grid": grid(looks),
        "diagram": diagram(shown, Counter(looks), _looks_by_name(steps), is_moving=per_second > 0),
        "troubles": _troubles(shown),
        "chaos": panel() if chaos.is_enabled() and (shown.is_running or shown.is_stopped) else [],
        **_report(shown),
    }


def _chunk_looks(shown: Import, chunks: list[_Chunk], steps: Iterable[_Step]) -> list[Look]:
    """Return how each chunk looks. That it is done, it says itself; that it is at work, its step."""
    shows = {Look.RUNNING, Look.RETRYING, Look.FAILED} if shown.is_running else {Look.FAILED}
    looks = {step.chunk_id: look for step in steps if (look := step.look) in shows}
    return [Look.DONE if chunk.offset >= chunk.end else looks.get(chunk.pk, Look.TODO) for chunk in chunks]


def _looks_by_name(steps: Iterable[_Step]) -> dict[str, list[Look]]:
    looks = defaultdict(list)
    for step in steps:
        looks[step.name].append(step.look)
    return looks


def _per_second(shown: Import, steps: Iterable[_Step]) -> int:
    now = timezone.now()
    # The chunks are sent when `split` is through.
    began = max((step.updated_at for step in steps if step.name == "split"), default=now)
    since = max(began, now - pace.WINDOW)
    lately = shown.chunks.filter(updated_at__gt=since).aggregate(rows=Sum(F("imported") + F("refused"), default=0))
    return pace.rows_per_second(lately["rows"], now - since)


def _troubles(shown: Import) -> list[Step]:
    """Return the latest steps that did not get through at once."""
    return list(shown.steps.exclude(note="").select_related("chunk").order_by("-updated_at")[:TROUBLES_SHOWN])


def _report(shown: Import) -> dict[str, Any]:
    if not shown.report:
        return {}
    return {
        "months": charts.columns(shown.report["months"], "month", "GBP"),
        "products": charts.rows(shown.report["products"], "description", "revenue"),
        "countries": charts.rows(shown.report["countries"], "country", "revenue"),
    }
