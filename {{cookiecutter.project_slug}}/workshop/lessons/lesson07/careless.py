"""It survives its worker, and so it runs again; nobody asked what that does."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Charge


@shared_task(
    queue=DEFAULT,
)
def charge(order: int) -> None:
    """Take the money for an order."""
    note("charging", order)
    Charge.objects.create(order=order)
    time.sleep(0.5)
    note("done", order)
