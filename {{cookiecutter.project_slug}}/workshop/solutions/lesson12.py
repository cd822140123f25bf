"""Solution 12: nothing is caught. What cannot be done here is for a person, who finds it by the task and its id."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.lessons.lesson12.prices import price


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def export(product: int) -> None:
    """Send a product to the partner. Again: the same product. Raises LookupError where there is no price."""
    note("began", product)
    price(product)
    note("exported", product)
