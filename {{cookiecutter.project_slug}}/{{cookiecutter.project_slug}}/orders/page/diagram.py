"""The workflow of `workflows.py` as a diagram: where each task stands in it, and how it looks just now."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..models import Import
from .look import Look, first

State = Import.State

#: In units of the drawing.
WIDTH, HEIGHT = 1000, 246
BOX_WIDTH, BOX_HEIGHT = 116, 62
GAP = 30
MIDDLE = 76
#: Where the line runs on which every task's failure leads to the errback.
FAILURES = 172

ORDER = (State.RECEIVED, State.ASKING, State.CHECKED, State.IMPORTING, State.IMPORTED, State.RATED, State.FINISHED)


@dataclass(frozen=True)
class Place:
    """A box of the diagram: what it is called, its tasks, when it is their turn, and where it stands."""

    label: str
    tasks: tuple[str, ...]
    turn: Import.State
    column: int
    #: In boxes, from the middle.
    row: float = 0
    many: bool = False

    @property
    def x(self) -> int:
        """The left of the box."""
        return 5 + self.column * (BOX_WIDTH + GAP)

    @property
    def y(self) -> int:
        """The top of the box."""
        return int(MIDDLE + self.row * BOX_HEIGHT - BOX_HEIGHT / 2)


CHECK = Place("Check file", ("inspect_file",), State.RECEIVED, 0)
SPLIT = Place("Split", ("split",), State.CHECKED, 1)
CHUNKS = Place("Chunks", ("import_chunk",), State.IMPORTING, 2, many=True)
JOIN = Place("Join", ("reconcile",), State.IMPORTING, 3)
RATES = Place("Fetch rates", ("fetch_rates_of", "fetch_rates", "confirm_rates"), State.IMPORTED, 4, many=True)
REPORT = Place("Report", ("build_report",), State.RATED, 5, -0.6)
MAIL = Place("Mail", ("mail_summary",), State.RATED, 5, 0.6)
FINISH = Place("Finish", ("finish",), State.RATED, 6)
PLACES = (CHECK, SPLIT, CHUNKS, JOIN, RATES, REPORT, MAIL, FINISH)
ERRBACK = Place("On failure", ("record_failure",), State.RECEIVED, 3, 2.2)

ARROWS = (
    (CHECK, SPLIT),
    (SPLIT, CHUNKS),
    (CHUNKS, JOIN),
    (JOIN, RATES),
    (RATES, REPORT),
    (RATES, MAIL),
    (REPORT, FINISH),
    (MAIL, FINISH),
)


@dataclass(frozen=True)
class Box:
    """A place and how it looks; the detail says how many of its tasks are done."""

    place: Place
    look: Look
    detail: str = ""

    @property
    def words(self) -> str:
        """How it looks, in words."""
        return self.detail or self.look.words


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows, as a template draws them."""

    boxes: list[Box]
    errback: Box
    arrows: list[str]
    #: From each box to the errback.
    failures: list[str]
    width: int = WIDTH
    height: int = HEIGHT
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT


def diagram(
    shown: Import, chunks: Mapping[Look, int], looks: Mapping[str, list[Look]], *, is_moving: bool = False
) -> Diagram:
    """Draw the workflow of an import, given how many of its chunks look how, and how the runs of its other tasks do.

    While rows come in, chunks are at work, even if none was at the moment of asking.
    """
    if is_moving:
        chunks = {**chunks, Look.RUNNING: chunks.get(Look.RUNNING, 0)}
    boxes = [_box(shown, place, chunks, looks) for place in PLACES]
    look, words = (Look.FAILED, "stopped") if shown.failure else (Look.TODO, "not needed")
    return Diagram(boxes, Box(ERRBACK, look, words), [_arrow(*ends) for ends in ARROWS], _failures())


def _box(shown: Import, place: Place, chunks: Mapping[Look, int], looks: Mapping[str, list[Look]]) -> Box:
    if _is_done(shown, place, chunks):
        return Box(place, Look.DONE, _of_all(place, chunks, looks))
    if not _is_due(shown, place, chunks):
        return Box(place, Look.TODO)
    # What is done does not hide that the rest is due.
    present = chunks if place is CHUNKS else [look for task in place.tasks for look in looks.get(task, [])]
    look = first((look for look in present if look not in {Look.DONE, Look.TODO}), Look.DUE)
    if not shown.is_running and look is not Look.FAILED:
        look = Look.TODO
    if shown.state == State.REFUSED:
        return Box(place, Look.FAILED, "refused")
    if shown.state == State.ASKING:
        return Box(place, Look.DUE, "waiting for you")
    return Box(place, look, _of_all(place, chunks, looks))


def _is_done(shown: Import, place: Place, chunks: Mapping[Look, int]) -> bool:
    if shown.state == State.REFUSED or (place is CHECK and shown.state == State.ASKING):
        return False
    if place is CHUNKS and shown.state == State.IMPORTING:
        return _all_in(chunks)
    if place is REPORT:
        return shown.report is not None
    if place is MAIL:
        return shown.mailed_at is not None
    return ORDER.index(State(shown.state)) > ORDER.index(place.turn)


def _is_due(shown: Import, place: Place, chunks: Mapping[Look, int]) -> bool:
    if place is CHECK:
        return True
    if place is JOIN and not _all_in(chunks):
        return False
    if place is FINISH and (shown.report is None or shown.mailed_at is None):
        return False
    return shown.state == place.turn


def _all_in(chunks: Mapping[Look, int]) -> bool:
    return chunks.get(Look.DONE, 0) == sum(chunks.values())


def _of_all(place: Place, chunks: Mapping[Look, int], looks: Mapping[str, list[Look]]) -> str:
    """Return how many of a place's many tasks are done; nothing where there is one, or none is known."""
    if place is CHUNKS:
        return f"{chunks.get(Look.DONE, 0):,} of {sum(chunks.values()):,}"
    if place is RATES and (months := looks.get("fetch_rates_of")):
        return f"{months.count(Look.DONE)} of {len(months)} months"
    return ""


def _arrow(start: Place, end: Place) -> str:
    """Return the path from the right of a box to the left of another."""
    x, y = start.x + BOX_WIDTH, start.y + BOX_HEIGHT // 2
    to_x, to_y = end.x - 4, end.y + BOX_HEIGHT // 2
    half = (x + to_x) // 2
    return f"M{x} {y}C{half} {y} {half} {to_y} {to_x} {to_y}"


def _failures() -> list[str]:
    """Return the paths from the bottom of each box to the errback; where two stand in a column, from the lower."""
    middles = {place: place.x + BOX_WIDTH // 2 for place in PLACES if place is not REPORT}
    down = [f"M{x} {place.y + BOX_HEIGHT}V{FAILURES}" for place, x in middles.items()]
    across = f"M{min(middles.values())} {FAILURES}H{max(middles.values())}"
    return [*down, across, f"M{ERRBACK.x + BOX_WIDTH // 2} {FAILURES}V{ERRBACK.y - 4}"]
