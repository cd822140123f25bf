"""Work that cannot be done. The task is `export(product)`: it calls `price`, and notes `began` and `exported`."""

from typing import Any

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

from .prices import PRODUCTS, UNPRICED

#: Seconds in which a failure reaches the table of the dead letters.
SOON = 5


def play(stage: Stage, tasks: Any) -> Outcome:
    """Export all products, and look where a person would look for those that could not be."""
    from {{ cookiecutter.project_slug }}.tasking.models import DeadLetter  # noqa: PLC0415 - Django is ready only now

    stage.start_workers()
    for product in range(PRODUCTS):
        tasks.export.delay(product)
    stage.wait_for("all tries", lambda: len({each.entry for each in notes("began")}) == PRODUCTS)
    priced = PRODUCTS - len(UNPRICED)
    stage.give_time(lambda: len(notes("exported")) >= priced and DeadLetter.objects.count() >= len(UNPRICED), SOON)

    exported = {each.entry for each in notes("exported")}
    letters = DeadLetter.objects.count()
    unseen = max(len(UNPRICED) - letters, 0)
    outcome = Outcome(
        figures={
            "products": str(PRODUCTS),
            "exported": str(len(exported)),
            "without a price": str(len(UNPRICED)),
            "dead letters": str(letters),
        },
        chart_title="products",
        chart=[
            Bar("exported", len(exported)),
            Bar("failed, a person sees it", min(letters, len(UNPRICED))),
            Bar("failed, nobody knows", unseen),
        ],
    )
    if unseen:
        outcome.broken.append(f"{unseen} products were not exported, and no person can see which, or why.")
    if wrong := exported & {str(product) for product in UNPRICED}:
        outcome.broken.append(f"{len(wrong)} products without a price count as exported.")
    if len(exported) < priced or letters > len(UNPRICED):
        outcome.broken.append("products that have a price were not exported.")
    return outcome
