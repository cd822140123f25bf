"""The rate is kept where all processes look: in the database."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Rate


def set_rate(percent: int) -> None:
    """Set the rate, as the page does."""
    Rate.objects.update_or_create(pk=1, defaults={"percent": percent})


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def tax(order: int) -> None:
    """Tax an order. Again: the same tax. Raises Rate.DoesNotExist."""
    note("taxed", f"{order}:{Rate.objects.get(pk=1).percent}")
