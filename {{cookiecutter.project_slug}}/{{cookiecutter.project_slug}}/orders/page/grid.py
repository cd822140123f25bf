"""The chunks of an import as a grid of squares: one path for each look, so that thousands of them are a small page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from .look import Look

#: Of few chunks, and of many: columns at most, and pixels of a square with its gap, fewer where the page is narrow.
FEW, FEW_COLUMNS, FEW_SIDE = 500, 56, 18
MANY_COLUMNS, MANY_SIDE = 100, 10


@dataclass(frozen=True)
class Squares:
    """The squares of one look: how many, and a path of horizontal strokes, dashed by the stylesheet into squares."""

    look: Look
    count: int
    path: str


@dataclass(frozen=True)
class Grid:
    """All squares; columns and rows are the size of its coordinates, the width is in pixels where there is room."""

    columns: int
    rows: int
    width: int
    squares: list[Squares]

    @property
    def words(self) -> str:
        """What it shows, in words."""
        return ", ".join(f"{squares.count:,} {squares.look.words}" for squares in self.squares)


def grid(looks: list[Look]) -> Grid | None:
    """Arrange chunks, given by their looks in their order, row by row; without any there is no grid."""
    if not looks:
        return None
    most, side = (FEW_COLUMNS, FEW_SIDE) if len(looks) <= FEW else (MANY_COLUMNS, MANY_SIDE)
    columns = min(len(looks), most)
    strokes: dict[Look, list[str]] = {}
    for row, start in enumerate(range(0, len(looks), columns)):
        for look, column, length in _runs(looks[start : start + columns]):
            strokes.setdefault(look, []).append(f"M{column} {row}h{length}")
    present = [look for look in (Look.DONE, Look.RUNNING, Look.RETRYING, Look.FAILED, Look.TODO) if look in strokes]
    squares = [Squares(look, looks.count(look), "".join(strokes[look])) for look in present]
    return Grid(columns, -(-len(looks) // columns), columns * side, squares)


def _runs(looks: Iterable[Look]) -> Iterator[tuple[Look, int, int]]:
    """Return each run of equal looks, with where it begins and how long it is."""
    column = 0
    for look, run in groupby(looks):
        length = sum(1 for _ in run)
        yield look, column, length
        column += length
