"""As Celery is when nobody says otherwise: the message is gone when the task begins."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    acks_late=False,
)
def ship(order: int) -> None:
    """Have an order shipped."""
    note("begin", order)
    time.sleep(0.4)
    note("shipped", order)
