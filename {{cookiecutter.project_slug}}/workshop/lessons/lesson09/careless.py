"""The task is sent where the order is made. The broker hears of it at once, other transactions do not."""

import time

from django.db import transaction

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Charge


@transaction.atomic
def place(order: int, refused: bool) -> None:
    """Place an order. Raises ValueError if it is refused."""
    Charge.objects.create(order=order)
    confirm.delay(order)
    time.sleep(0.2)  # the rest of the request
    if refused:
        raise ValueError(order)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def confirm(order: int) -> None:
    """Mail the customer."""
    found = Charge.objects.filter(order=order).exists()
    note("mailed" if found else "not_found", order)
