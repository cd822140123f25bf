"""Solution 11: the database is what the page and every worker share. A shared cache would do, until it forgets."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Rate


def set_rate(percent: int) -> None:
    """Set the rate, as the page does."""
    Rate.objects.all().delete()
    Rate.objects.create(percent=percent)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def tax(order: int) -> None:
    """Tax an order. Again: the same tax. Raises Rate.DoesNotExist."""
    note("taxed", f"{order}:{Rate.objects.get().percent}")
