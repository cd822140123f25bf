"""Solution 6: late acknowledgement, as the base class has it. A retry is sent by the worker, and this one is dead."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def ship(order: int) -> None:
    """Hand a parcel to the carrier. Again: nothing, since the carrier knows its number."""
    note("begin", order)
    time.sleep(0.4)
    note("shipped", order)
