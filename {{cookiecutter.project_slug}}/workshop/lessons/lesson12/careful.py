"""The exception ends the task: Sentry hears of it, if there is one, and the message stands among the dead letters."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note

from .prices import price


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def export(product: int) -> None:
    """Send a product to the partner. Again: the same product. Raises LookupError where there is no price."""
    note("began", product)
    price(product)
    note("exported", product)
