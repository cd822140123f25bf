"""The report is the price's next step, and is sent when there is a price."""

import time

from celery import chain

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


def order(number: int) -> None:
    """Have a report made."""
    chain(price.s(number), report.s(number)).delay()


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    ignore_result=False,
)
def price(number: int) -> int:
    """Find a price. Again: the same price."""
    time.sleep(0.2)
    note("price", number)
    return 100 + number


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def report(amount: int, number: int) -> None:
    """Write the report. Again: the same report."""
    note("report", f"{number}:{amount}")
