"""Bars and columns for a terminal."""

from collections.abc import Sequence
from itertools import zip_longest

from .outcome import Bar, Outcome

WIDTH = 40


def bars(chart: Sequence[Bar], *others: Sequence[Bar]) -> list[str]:
    """Return a line for each bar. The longest, `others` on the same scale included, fills the width."""
    largest = max((bar.value for each in (chart, *others) for bar in each), default=0)
    label_width = max((len(bar.label) for bar in chart), default=0)
    lines = []
    for bar in chart:
        length = max(round(WIDTH * bar.value / largest), 1) if bar.value else 0
        lines.append(f"    {bar.label:>{label_width}} {'█' * length} {number(bar.value)}{bar.unit}")
    return lines


def number(value: float) -> str:
    """Return a count as it is, anything else with two places."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def side_by_side(careless: Outcome, careful: Outcome) -> list[str]:
    """Return the figures of both versions as a table, then both charts on one scale."""
    rows = [("", "careless", "careful")]
    names = dict.fromkeys([*careless.figures, *careful.figures])
    rows += [(name, careless.figures.get(name, "-"), careful.figures.get(name, "-")) for name in names]
    widths = [max(map(len, column)) for column in zip_longest(*rows)]
    lines = []
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append(f"  {'   '.join(cells).rstrip()}")
    for title, outcome, other in (("careless", careless, careful), ("careful", careful, careless)):
        if outcome.chart:
            lines += ["", f"  {title}: {outcome.chart_title}", *bars(outcome.chart, other.chart)]
    return lines
