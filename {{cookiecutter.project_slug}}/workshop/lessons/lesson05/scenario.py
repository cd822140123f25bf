"""Clicks while bulk work waits. The tasks are `bulk(number)` and `click(number)`."""

from statistics import median
from typing import Any

from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL

from workshop.ledger import note, notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

BULK_TASKS = 200
CLICKS = 10
#: Seconds after which a person has the feeling of waiting.
PATIENCE = 1.0


def play(stage: Stage, tasks: Any) -> Outcome:
    """Send the bulk work, then a click after the other, and tell how long the clicks waited."""
    stage.start_workers(CRITICAL, BULK)
    for number in range(BULK_TASKS):
        tasks.bulk.delay(number)
    stage.wait_for("bulk work has begun", lambda: notes("bulk"))
    for number in range(CLICKS):
        note("clicked", number)
        tasks.click.delay(number)
    stage.wait_for("all clicks", lambda: len(notes("click")) >= CLICKS)
    stage.wait_for("all bulk work", lambda: len(notes("bulk")) >= BULK_TASKS)

    clicked = {each.entry: each.at for each in notes("clicked")}
    waits = sorted(each.at - clicked[each.entry] for each in notes("click"))
    outcome = Outcome(
        figures={
            "clicks": str(len(waits)),
            "waited, median": f"{1000 * median(waits):,.0f} ms",
            "waited, longest": f"{1000 * waits[-1]:,.0f} ms",
            "bulk tasks done": str(len(notes("bulk"))),
        },
        chart_title="how long a click waited",
        chart=[
            Bar("shortest", round(1000 * waits[0]), " ms"),
            Bar("median", round(1000 * median(waits)), " ms"),
            Bar("longest", round(1000 * waits[-1]), " ms"),
        ],
    )
    if waits[-1] > PATIENCE:
        outcome.broken.append(f"a click waited {waits[-1]:.1f} s behind bulk work; a person waits {PATIENCE:g} s.")
    return outcome
