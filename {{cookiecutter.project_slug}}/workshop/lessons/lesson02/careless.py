"""It reads like any function that calls another. Celery refuses, and says how to have it all the same."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


def order(number: int) -> None:
    """Have a report made."""
    report.delay(number)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    ignore_result=False,
)
def price(number: int) -> int:
    """Find a price."""
    time.sleep(0.2)
    note("price", number)
    return 100 + number


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def report(number: int) -> None:
    """Write the report."""
    amount = price.delay(number).get(disable_sync_subtasks=False)
    note("report", f"{number}:{amount}")
