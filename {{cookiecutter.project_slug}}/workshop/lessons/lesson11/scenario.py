"""The same eagerly and by a worker. The module's `set_rate(percent)` sets the rate, its task is `tax(order)`.

It notes `taxed` for `ORDER:PERCENT`.
"""

from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

ORDERS = 8
PERCENT = 16
#: Seconds for a worker that is ready to tax them all.
SOON = 10


def play(stage: Stage, tasks: Any) -> Outcome:
    """Tax all orders in this process, then by a worker, and count those at the new rate."""
    from celery import current_app  # noqa: PLC0415 - the project's, since only now

    stage.start_workers()
    tasks.set_rate(PERCENT)
    current_app.conf.task_always_eager = True
    for order in range(ORDERS):
        tasks.tax.delay(order)
    eager = {each.entry for each in notes("taxed")}
    current_app.conf.task_always_eager = False
    for order in range(ORDERS):
        tasks.tax.delay(order)
    stage.give_time(lambda: len(notes("taxed")) == 2 * ORDERS, SOON)

    expected = {f"{order}:{PERCENT}" for order in range(ORDERS)}
    by_worker = {each.entry for each in notes("taxed")[ORDERS:]}
    outcome = Outcome(
        figures={
            "orders": str(ORDERS),
            "right in the eager test": str(len(eager & expected)),
            "right by a worker": str(len(by_worker & expected)),
        },
        chart_title="orders at the new rate",
        chart=[Bar("eagerly", len(eager & expected)), Bar("by a worker", len(by_worker & expected))],
    )
    if missing := expected - eager:
        outcome.broken.append(f"{len(missing)} orders are wrong even in the eager test.")
    if missing := expected - by_worker:
        outcome.broken.append(f"{len(missing)} orders are taxed wrongly by the worker, eager test or not.")
    return outcome
