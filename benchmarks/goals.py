"""What is measured, how the project is to compare with a bare one, and what is worse than it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measure:
    """What is measured, and how ours is to compare with bare; without a goal, or against a fixed limit."""

    name: str
    unit: str
    goals: dict[str, str]
    more_is_better: bool = False
    #: The measure of bare that it is compared with, if that is another one.
    against: str = ""
    #: Whether a short run tells it well enough to warn of a loss; the slowest of sixty clicks is chance.
    is_steady: bool = True


#: The parts of each chord that is measured; a short run has the smallest alone.
CHORDS = {f"a chord of {parts:,}": parts for parts in (200, 1_000, 10_000)}

MEASURES = [
    Measure("drained", "no-ops/s", {"redis": ">= 1.5 x", "rabbitmq": ">= 1.7 x"}, more_is_better=True),
    Measure("worker CPU", "ms/no-op", {"redis": "<= 0.65 x", "rabbitmq": "<= 0.50 x"}),
    Measure("published", "no-ops/s", {}, more_is_better=True),
    Measure("producer CPU", "ms/no-op", {}),
    Measure(
        "published in a group",
        "no-ops/s, bare one by one",
        {"redis": ">= 1.0 x", "rabbitmq": ">= 1.0 x"},
        more_is_better=True,
        against="published",
    ),
    Measure("producer CPU, in a group", "ms/no-op", {}),
    Measure("start to first task", "s", {"redis": "<= 4", "rabbitmq": "<= 4"}),
    Measure("memory of a worker, idle", "MB PSS", {"redis": "<= 1.1 x", "rabbitmq": "<= 1.1 x"}),
    Measure("memory of a worker, after them", "MB PSS", {"redis": "<= 1.1 x", "rabbitmq": "<= 1.1 x"}),
    Measure("idle, to start, p50", "ms", {}, is_steady=False),
    Measure("idle, to start, p99", "ms", {}, is_steady=False),
    Measure("behind bulk, to start, p50", "ms", {}, is_steady=False),
    Measure("behind bulk, to start, p99", "ms", {"redis": "<= 50", "rabbitmq": "<= 50"}, is_steady=False),
    *(Measure(name, "s", {"redis": "<= 1.0 x", "rabbitmq": "<= 1.0 x"}) for name in CHORDS),
]

Figures = dict[str, float]

#: Of each broker pairs of figures, bare and ours.
Found = dict[str, list[tuple[Figures, Figures]]]


def is_met(goal: str, ratio: float, value: float) -> bool:
    """Tell whether a goal is met: `<= 0.65 x` is of the ratio, `<= 50` of ours."""
    sign, number, *of_ratio = goal.split()
    reached = ratio if of_ratio else value
    return reached <= float(number) if sign == "<=" else reached >= float(number)


@dataclass(frozen=True)
class Row:
    """What pairs of figures say of a measure: medians of both, the ratios pair by pair, and whether a goal is met."""

    measure: Measure
    bare: float
    ours: float
    ratios: list[float]
    goal: str

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> str:
        return f"{self.ratio:.2f} ({min(self.ratios):.2f} to {max(self.ratios):.2f})"

    def verdict(self, not_met: str) -> str:
        """Return `met`, or the words given for the contrary; nothing without a goal."""
        if not self.goal:
            return ""
        return "met" if is_met(self.goal, self.ratio, self.ours) else not_met


def rows(broker: str, pairs: Sequence[Sequence[Figures]]) -> Iterator[Row]:
    """Yield a row for each measure that was taken: a short run leaves one out."""
    for measure in (measure for measure in MEASURES if measure.name in pairs[0][1]):
        before = [pair[0][measure.against or measure.name] for pair in pairs]
        after = [pair[1][measure.name] for pair in pairs]
        ratios = [ours / bare for bare, ours in zip(before, after, strict=True)]
        yield Row(measure, median(before), median(after), ratios, measure.goals.get(broker, ""))


def losses(found: Found, last: Found) -> Iterator[str]:
    """Say which ratio is a fifth worse than in the figures of an earlier run."""
    for broker, pairs in found.items():
        earlier = {row.measure.name: row.ratio for row in rows(broker, last[broker])}
        for row in rows(broker, pairs):
            now, before = row.ratio, earlier.get(row.measure.name, row.ratio)
            loss = before / now if row.measure.more_is_better else now / before
            if row.measure.is_steady and loss > 1.2:
                yield f"{broker}, {row.measure.name}: {now:.2f} of bare, and was {before:.2f}"


def print_table(broker: str, pairs: Sequence[Sequence[Figures]]) -> None:
    """Print the medians of both, and the median ratio with its spread beside the goal."""
    print(f"\n{broker}\n{'':<32}{'bare':>10}{'ours':>10}  {'ours / bare':<20} goal")
    for row in rows(broker, pairs):
        verdict = f"{row.goal:<10}{row.verdict('NOT MET')}"
        print(f"{row.measure.name:<32}{row.bare:>10.4g}{row.ours:>10.4g}  {row.spread:<20} {verdict:<20} {row.measure.unit}")


def markdown(broker: str, pairs: Sequence[Sequence[Figures]]) -> str:
    """Return what `print_table` prints as a table for `docs/performance.md`."""
    lines = ["| | bare | ours | ours / bare | goal | |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows(broker, pairs):
        shown = f"{row.measure.name}, {row.measure.unit} | {row.bare:.4g} | {row.ours:.4g} | {row.spread} | {row.goal}".rstrip()
        lines.append(f"| {shown} | {row.verdict('**not met**')} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"
