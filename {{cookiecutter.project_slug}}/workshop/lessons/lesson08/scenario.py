"""A child dies in a chord's header. The module's `order_report(report)` sends one.

Its header calls `draw_page` for each page, its body notes `bound` for the report.
"""

from collections import Counter
from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

from .pages import HEAVY, PAGES, REPORTS

#: Seconds after which a report that is not bound is taken to be lost. A worker notices a child's death within five.
GIVEN_UP = 13


def play(stage: Stage, tasks: Any) -> Outcome:
    """Order all reports, and count those that arrive."""
    stage.start_workers()
    for report in range(REPORTS):
        tasks.order_report(report)
    stage.give_time(lambda: len({each.entry for each in notes("bound")}) == REPORTS, GIVEN_UP)

    bound = Counter(each.entry for each in notes("bound"))
    begun = Counter(each.entry for each in notes("drawing"))
    missing = [str(report) for report in range(REPORTS) if str(report) not in bound]
    outcome = Outcome(
        figures={
            "reports": str(REPORTS),
            "pages": str(REPORTS * PAGES),
            "pages drawn": str(len({each.entry for each in notes("drawn")})),
            f"tries for page {HEAVY}": str(begun[HEAVY]),
            "bound": str(len(bound)),
            "never bound": f"{len(missing)} (report {', '.join(missing)})" if missing else "0",
        },
        chart_title="reports",
        chart=[Bar("bound", len(bound)), Bar("never bound", len(missing))],
    )
    if missing:
        outcome.broken.append(f"{len(missing)} report was never bound, for one of its {PAGES} pages.")
    if twice := [report for report, count in bound.items() if count > 1]:
        outcome.broken.append(f"{len(twice)} reports were bound more than once.")
    return outcome
