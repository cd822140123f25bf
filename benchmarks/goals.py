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
    #: Whether a short run tells it well enough to warn of a loss; the slowest of sixty clicks is chance.
    is_steady: bool = True


MEASURES = [
    Measure("drained", "no-ops/s", {"redis": ">= 1.5 x", "rabbitmq": ">= 1.7 x"}, more_is_better=True),
    Measure("worker CPU", "ms/no-op", {"redis": "<= 0.65 x", "rabbitmq": "<= 0.50 x"}),
    Measure("published", "no-ops/s", {}, more_is_better=True),
    Measure("producer CPU", "ms/no-op", {}),
    Measure("start to first task", "s", {"redis": "<= 4", "rabbitmq": "<= 4"}),
    Measure("memory of a worker, idle", "MB PSS", {"redis": "<= 1.1 x", "rabbitmq": "<= 1.1 x"}),
    Measure("memory of a worker, after them", "MB PSS", {"redis": "<= 1.1 x", "rabbitmq": "<= 1.1 x"}),
    Measure("idle, to start, p50", "ms", {}, is_steady=False),
    Measure("idle, to start, p99", "ms", {}, is_steady=False),
    Measure("behind bulk, to start, p50", "ms", {}, is_steady=False),
    Measure("behind bulk, to start, p99", "ms", {"redis": "<= 50", "rabbitmq": "<= 50"}, is_steady=False),
    Measure("a chord", "s", {"redis": "<= 1.0 x", "rabbitmq": "<= 1.0 x"}),
]

Figures = dict[str, float]

#: Of each broker pairs of figures, bare and ours.
Found = dict[str, list[tuple[Figures, Figures]]]


def is_met(goal: str, ratio: float, value: float) -> bool:
    """Tell whether a goal is met: `<= 0.65 x` is of the ratio, `<= 50` of ours."""
    sign, number, *of_ratio = goal.split()
    reached = ratio if of_ratio else value
    return reached <= float(number) if sign == "<=" else reached >= float(number)


def ratio_of(measure: Measure, pairs: Sequence[Sequence[Figures]]) -> float:
    """Return the median ratio, ours to bare."""
    return median(after[measure.name] / before[measure.name] for before, after in pairs)


def losses(found: Found, last: Found) -> Iterator[str]:
    """Say which ratio is a fifth worse than in the figures of an earlier run."""
    for broker, pairs in found.items():
        for measure in (one for one in MEASURES if one.is_steady):
            now, before = ratio_of(measure, pairs), ratio_of(measure, last[broker])
            if (before / now if measure.more_is_better else now / before) > 1.2:
                yield f"{broker}, {measure.name}: {now:.2f} of bare, and was {before:.2f}"


def print_table(broker: str, pairs: list[tuple[Figures, Figures]]) -> None:
    """Print the medians of both, and the median ratio with its spread beside the goal."""
    print(f"\n{broker}\n{'':<32}{'bare':>10}{'ours':>10}  {'ours / bare':<20} goal")
    for measure in MEASURES:
        before, after = (median(pair[index][measure.name] for pair in pairs) for index in (0, 1))
        ratios = [pair[1][measure.name] / pair[0][measure.name] for pair in pairs]
        ratio, goal = ratio_of(measure, pairs), measure.goals.get(broker, "")
        verdict = f"{goal:<10}{'met' if is_met(goal, ratio, after) else 'NOT MET'}" if goal else ""
        spread = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{measure.name:<32}{before:>10.4g}{after:>10.4g}  {spread:<20} {verdict:<20} {measure.unit}")


def markdown(broker: str, pairs: Sequence[Sequence[Figures]]) -> str:
    """Return what `print_table` prints as a table for `docs/performance.md`."""
    lines = ["| | bare | ours | ours / bare | goal | |", "| --- | --- | --- | --- | --- | --- |"]
    for measure in MEASURES:
        before, after = (median(pair[index][measure.name] for pair in pairs) for index in (0, 1))
        ratio, goal = ratio_of(measure, pairs), measure.goals.get(broker, "")
        verdict = ("met" if is_met(goal, ratio, after) else "**not met**") if goal else ""
        shown = f"{measure.name}, {measure.unit} | {before:.4g} | {after:.4g} | {ratio:.2f} | {goal}".rstrip()
        lines.append(f"| {shown} | {verdict} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"
