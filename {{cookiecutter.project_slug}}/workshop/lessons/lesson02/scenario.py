"""Reports that need prices. The module's `order(number)` has a report made; its tasks note `price` and `report`."""

from typing import Any

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT, QUEUES

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

REPORTS = 6
#: Seconds after which what is missing is taken not to come. Done one after the other, all take two.
GIVEN_UP = 10


def play(stage: Stage, tasks: Any) -> Outcome:
    """Order the reports and count them."""
    stage.start_workers()
    for number in range(REPORTS):
        tasks.order(number)
    stage.give_time(lambda: len({each.entry for each in notes("report")}) == REPORTS, GIVEN_UP)

    made = len({each.entry for each in notes("report")})
    outcome = Outcome(
        figures={
            "reports ordered": str(REPORTS),
            "processes": str(QUEUES[DEFAULT].concurrency),
            "prices found": str(len({each.entry for each in notes("price")})),
            "reports made": str(made),
        },
        chart_title="reports",
        chart=[Bar("made", made), Bar("stuck", REPORTS - made)],
    )
    if made < REPORTS:
        outcome.broken.append(f"{REPORTS - made} reports are stuck: each holds a process, or waits for one.")
    return outcome
