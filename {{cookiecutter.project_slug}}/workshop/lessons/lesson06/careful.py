"""As the base class has it: acknowledged when the work is done."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def ship(order: int) -> None:
    """Have an order shipped. Again: the same parcel, by its number."""
    note("begin", order)
    time.sleep(0.4)
    note("shipped", order)
