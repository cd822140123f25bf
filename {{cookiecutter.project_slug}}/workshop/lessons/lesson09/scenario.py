"""Transactions that commit, and some that roll back. The module's `place(order, refused)` does one.

Its task notes `mailed` for an order that it finds in the database, and `not_found` for one that it does not.
"""

from contextlib import suppress
from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

ORDERS = 10
REFUSED = frozenset({2, 5, 8})
#: Seconds in which a mail that ought not to go would go.
AFTERWARDS = 5


def play(stage: Stage, tasks: Any) -> Outcome:
    """Place the orders, and compare the mails with the orders that there are."""
    stage.start_workers()
    for order in range(ORDERS):
        with suppress(ValueError):
            tasks.place(order, order in REFUSED)
    stage.give_time(lambda: len(notes("mailed")) + len(notes("not_found")) >= ORDERS, AFTERWARDS)

    placed = {str(order) for order in range(ORDERS) if order not in REFUSED}
    mailed, not_found = ({each.entry for each in notes(kind)} for kind in ("mailed", "not_found"))
    without, phantoms = placed - mailed, not_found - placed
    outcome = Outcome(
        figures={
            "orders placed": str(len(placed)),
            "refused": str(len(REFUSED)),
            "mailed": str(len(mailed)),
            "placed, no mail": str(len(without)),
            "tasks for no order": str(len(phantoms)),
        },
        chart_title="tasks",
        chart=[
            Bar("order found, mailed", len(mailed)),
            Bar("order not there yet", len(not_found & placed)),
            Bar("order never there", len(phantoms)),
        ],
    )
    if without:
        outcome.broken.append(f"{len(without)} customers got no mail: their task ran before the commit.")
    if phantoms:
        outcome.broken.append(f"{len(phantoms)} tasks were sent for orders that were rolled back.")
    return outcome
