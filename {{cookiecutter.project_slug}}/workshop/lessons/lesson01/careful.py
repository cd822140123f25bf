"""The id travels, and the task looks up the rest. It saves what it has changed, and nothing else."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Customer


def request_greeting(customer: Customer) -> None:
    """Have a customer greeted."""
    greet.delay(customer.pk)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def greet(customer_id: int) -> None:
    """Send a customer a mail. Again: nothing. Raises Customer.DoesNotExist."""
    customer = Customer.objects.get(pk=customer_id)
    if customer.greeted:
        return
    note("mailed", f"{customer.pk}:{customer.email}")
    customer.greeted = True
    customer.save(update_fields=["greeted"])
