"""A service with a capacity. The task is `call(number)`; it asks `workshop.lessons.lesson03.service`."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

from workshop.ledger import Note, notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

CALLS = 60
#: Seconds after which the rest is of no interest: all have come back at least once.
ENOUGH = 14
#: The part of those that failed at first which may come back within one second.
HERD = 0.5


def play(stage: Stage, tasks: Any) -> Outcome:
    """Have all calls made, and tell how they were spread over time."""
    stage.start_workers()
    for number in range(CALLS):
        tasks.call.delay(number)
    stage.give_time(lambda: len({each.entry for each in notes("answered")}) == CALLS, ENOUGH)

    first, again = split(notes("attempt"))
    answered = {each.entry for each in notes("answered")}
    came_back = len({each.entry for each in again})
    worst = most_in_a_second([each.at for each in again])
    by_second = Counter(int(each.at - first[0].at) for each in (*first, *again))
    outcome = Outcome(
        figures={
            "tasks": str(CALLS),
            "failed at first": str(came_back),
            "came back, most in a second": str(worst),
            "attempts": str(len(first) + len(again)),
            f"answered within {ENOUGH} s": str(len(answered)),
        },
        chart_title="attempts in each second",
        chart=[Bar(f"{second} s", by_second[second]) for second in range(max(by_second) + 1)],
    )
    if len(first) < CALLS or len(answered) < CALLS - came_back:
        outcome.broken.append("some tasks made no call, or got no answer: the herd is gone, and so is the work.")
    if not came_back:
        outcome.broken.append("nothing was tried again: what the service refused is lost.")
    if worst > HERD * came_back:
        outcome.broken.append(f"{worst} calls came back within one second, of {came_back} that had failed.")
    return outcome


def split(attempts: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Return the first attempt of each task, and all others."""
    first: dict[str, Note] = {}
    again = [each for each in attempts if first.setdefault(each.entry, each) is not each]
    return list(first.values()), again


def most_in_a_second(times: Sequence[float]) -> int:
    """Return the largest number of these moments, in their order, that lie within one second."""
    times = sorted(times)
    return max((bisect_left(times, start + 1) - index for index, start in enumerate(times)), default=0)
