"""The report of an import as bar charts. Coordinates are whole numbers: no locale writes those with a comma."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

#: In units of a drawing.
WIDTH = 480
ROW, ROW_BAR = 30, 22
#: Room for the labels before, and the amounts behind a horizontal bar.
LABELS, AMOUNTS = 190, 80
COLUMN_HEIGHT = 160
#: Columns are drawn as if there were so many at least, lest one be a wall.
FEWEST_COLUMNS = 6


@dataclass(frozen=True)
class Bar:
    """A bar: its rectangle, whether it goes below zero, and its label."""

    label: str
    amount: Decimal
    x: int
    y: int
    width: int
    height: int

    @property
    def is_negative(self) -> bool:
        """Whether more came back than was sold."""
        return self.amount < 0

    @property
    def middle(self) -> int:
        """The x of a label that is centred on it."""
        return self.x + self.width // 2

    @property
    def before(self) -> int:
        """The x at which what stands before it ends."""
        return self.x - 8

    @property
    def end(self) -> int:
        """The x of what stands behind it."""
        return self.x + self.width + 8

    @property
    def above(self) -> int:
        """The y of what stands above it."""
        return self.y - 6

    @property
    def short(self) -> str:
        """The amount in thousands, where it is that large."""
        return f"{self.amount / 1000:,.0f}k" if abs(self.amount) >= 1000 else f"{self.amount:,.0f}"


@dataclass(frozen=True)
class Chart:
    """Bars, and the size of the drawing."""

    bars: list[Bar]
    width: int
    height: int
    #: Where zero is: the y of columns, the x of rows.
    zero: int


def columns(rows: list[dict[str, Any]], label: str, amount: str) -> Chart | None:
    """Draw a column for each row of a table: for what follows in time. Without any there is no chart."""
    amounts = [Decimal(row[amount]) for row in rows]
    if not rows:
        return None
    highest, lowest = max(*amounts, Decimal(0)), min(*amounts, Decimal(0))
    scale = COLUMN_HEIGHT / (float(highest - lowest) or 1)
    zero = round(float(highest) * scale)
    step = WIDTH / max(len(rows), FEWEST_COLUMNS)
    width = round(step * 3 / 4)
    bars = []
    for number, (row, value) in enumerate(zip(rows, amounts, strict=True)):
        height = round(abs(float(value)) * scale)
        left = round(number * step + (step - width) / 2)
        bars.append(Bar(row[label], value, left, zero - height if value > 0 else zero, width, height))
    return Chart(bars, WIDTH, COLUMN_HEIGHT, zero)


def rows(table: list[dict[str, Any]], label: str, amount: str) -> Chart | None:
    """Draw a horizontal bar for each row of a table: for what is compared. Without any there is no chart."""
    amounts = [Decimal(row[amount]) for row in table]
    if not table:
        return None
    largest = max(abs(value) for value in amounts)
    scale = (WIDTH - LABELS - AMOUNTS) / (float(largest) or 1)
    bars = [
        Bar(row[label], value, LABELS, number * ROW, round(abs(float(value)) * scale), ROW_BAR)
        for number, (row, value) in enumerate(zip(table, amounts, strict=True))
    ]
    return Chart(bars, WIDTH, ROW * len(bars), LABELS)
