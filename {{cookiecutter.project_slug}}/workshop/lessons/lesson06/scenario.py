"""A worker is killed at work. The task is `ship(order)`: it notes `begin` and, a while later, `shipped`."""

from collections import Counter
from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import TAKEN_OVER, Stage

ORDERS = 20


def play(stage: Stage, tasks: Any) -> Outcome:
    """Send the orders, kill the worker in the midst of two, start another one, and count."""
    (worker,) = stage.start_workers()
    for order in range(ORDERS):
        tasks.ship.delay(order)
    stage.wait_for("two at work", lambda: len(notes("begin")) >= max(6, len(notes("shipped")) + 2))
    killed = stage.kill(worker)
    stage.start_workers()
    stage.give_time(lambda: len({each.entry for each in notes("shipped")}) == ORDERS, TAKEN_OVER)

    begun = Counter(each.entry for each in notes("begin"))
    shipped = {each.entry: each.at for each in notes("shipped")}
    lost = [str(order) for order in range(ORDERS) if str(order) not in shipped]
    before = sum(at < killed for at in shipped.values())
    outcome = Outcome(
        figures={
            "orders": str(ORDERS),
            "shipped": str(len(shipped)),
            "lost": f"{len(lost)} (order {', '.join(lost)})" if lost else "0",
            "begun twice": str(sum(count > 1 for count in begun.values())),
        },
        chart_title="orders",
        chart=[
            Bar("shipped before the kill", before),
            Bar("shipped after it", len(shipped) - before),
            Bar("never shipped", len(lost)),
        ],
    )
    if lost:
        outcome.broken.append(f"{len(lost)} of {ORDERS} orders were never shipped: the worker died with them.")
    return outcome
