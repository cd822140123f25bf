"""A worker is killed between the effect and the end of a task. The task is `charge(order)`: it makes a `Charge`.

It notes `charging` when it begins, and `done` when it ends, half a second after the charge.
"""

from collections import Counter
from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import TAKEN_OVER, Stage

ORDERS = 12


def play(stage: Stage, tasks: Any) -> Outcome:
    """Send the orders, kill the worker when it has charged for one that is not done, start another one, and count."""
    from workshop.models import Charge  # noqa: PLC0415 - Django is ready only now

    def charges() -> Counter[str]:
        return Counter(map(str, Charge.objects.values_list("order", flat=True)))

    def done() -> set[str]:
        return {each.entry for each in notes("done")}

    (worker,) = stage.start_workers()
    for order in range(ORDERS):
        tasks.charge.delay(order)
    stage.wait_for("an order charged, not done", lambda: len(done()) >= 2 and charges().keys() - done())
    stage.kill(worker)
    stage.start_workers()
    stage.give_time(lambda: len(done()) == ORDERS, TAKEN_OVER)

    taken = charges()
    twice = sorted(order for order, count in taken.items() if count > 1)
    unpaid = ORDERS - len(taken)
    outcome = Outcome(
        figures={
            "orders": str(ORDERS),
            "begun": str(len(notes("charging"))),
            "charges": str(taken.total()),
            "charged twice": f"{len(twice)} (order {', '.join(twice)})" if twice else "0",
            "never charged": str(unpaid),
        },
        chart_title="orders",
        chart=[
            Bar("charged once", len(taken) - len(twice)),
            Bar("charged twice", len(twice)),
            Bar("never charged", unpaid),
        ],
    )
    if twice:
        outcome.broken.append(f"{len(twice)} customers paid twice: their task ran again after the worker's death.")
    if unpaid:
        outcome.broken.append(f"{unpaid} orders were never charged: not to run again is no remedy if the task is lost.")
    return outcome
