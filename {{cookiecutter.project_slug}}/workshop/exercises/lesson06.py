"""Exercise 6. Parcels are handed to a carrier. Somebody read that `acks_late` makes tasks run twice, and put it off.

Since then, after each deployment that ran out of memory, a few parcels never leave. Mend it: `make check-lesson N=6`.
Handing a parcel over is idempotent: the carrier knows its number.

Hint 1: when is a message gone from the broker, and what does the broker do with it if its worker dies before?
Hint 2: what does the base class say (`tasking/task.py`), and what does this task say instead?
Hint 3: an option that is not there cannot be wrong.
"""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    acks_late=False,
    max_retries=10,
)
def ship(order: int) -> None:
    """Hand a parcel to the carrier. More retries did not help."""
    note("begin", order)
    time.sleep(0.4)
    note("shipped", order)
