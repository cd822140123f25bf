"""Both on one queue: it was the one at hand, and on a laptop nobody waits."""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import BULK

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
    queue=BULK,
    idempotent=True,
)
def click(number: int) -> None:
    """Answer a person."""
    note("click", number)
