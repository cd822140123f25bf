"""A key and the effect are committed together: the second run finds the key, and changes nothing."""

import time

from django.db import transaction

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.idempotency import first_time
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Charge


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def charge(order: int) -> None:
    """Take the money for an order. Again: nothing, by its key."""
    note("charging", order)
    with transaction.atomic():
        if first_time(f"charge:{order}"):
            Charge.objects.create(order=order)
    time.sleep(0.5)
    note("done", order)
