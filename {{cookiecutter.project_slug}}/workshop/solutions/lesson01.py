"""Solution 1: the id alone. The query that it costs is the one that finds today's address."""

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
    """Send a customer a mail. Again: nothing, once it is noted that they are greeted."""
    for customer in Customer.objects.filter(pk=customer_id, greeted=False):
        note("mailed", f"{customer.pk}:{customer.email}")
        Customer.objects.filter(pk=customer_id).update(greeted=True)
