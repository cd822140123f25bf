"""A queue for those who wait, and one for what need only be done."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL

from workshop.ledger import note


@shared_task(
    queue=BULK,
    idempotent=True,
)
def bulk(number: int) -> None:
    """Take 50 ms."""
    time.sleep(0.05)
    note("bulk", number)


@shared_task(
    queue=CRITICAL,
    idempotent=True,
)
def click(number: int) -> None:
    """Answer a person."""
    note("click", number)
