"""Exercise 1. A review asked for ids in messages. So here is the id - and the address, which spares the task a query.

Mails still go to addresses that nobody reads any more. Mend it: `make check-lesson N=1`.

Hint 1: how old is each value that the task works with?
Hint 2: which of them can the task find out by itself?
Hint 3: `save()` writes every column, `update()` those that you name. Which one has this task the right to change?
"""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Customer


def request_greeting(customer: Customer) -> None:
    """Have a customer greeted."""
    greet.delay(customer.pk, customer.email)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def greet(customer_id: int, email: str) -> None:
    """Send a customer a mail."""
    note("mailed", f"{customer_id}:{email}")
    Customer.objects.filter(pk=customer_id).update(email=email, greeted=True)
