"""Solution 9: sent on commit, through the outbox. No delay is right: a request may take longer, or be refused."""

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
    confirm.delay_on_commit(order)
    time.sleep(0.2)  # the rest of the request
    if refused:
        raise ValueError(order)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def confirm(order: int) -> None:
    """Mail the customer. Again: the same mail, by its id."""
    found = Charge.objects.filter(order=order).exists()
    note("mailed" if found else "not_found", order)
