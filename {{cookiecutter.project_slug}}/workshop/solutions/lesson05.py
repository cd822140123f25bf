"""Solution 5: who waits has a queue of one's own."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL

from workshop.ledger import note


@shared_task(
    queue=BULK,
    idempotent=True,
)
def bulk(number: int) -> None:
    """Resize a picture. Again: the same picture."""
    time.sleep(0.05)
    note("bulk", number)


@shared_task(
    queue=CRITICAL,
    idempotent=True,
)
def click(number: int) -> None:
    """Mail the link. Again: the same link."""
    note("click", number)
