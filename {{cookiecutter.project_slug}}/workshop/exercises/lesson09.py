"""Exercise 9. The task used to find no order. Somebody had it wait a second, and since then it does.

Now and then a customer is thanked for an order that was never placed. Mend it: `make check-lesson N=9`.

Hint 1: what takes an order back when it is refused, and what takes the message back?
Hint 2: would two seconds be better?
Hint 3: `delay_on_commit` (`tasking/task.py`) writes the message into the same transaction.
"""

import time

from django.db import transaction

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Charge


@transaction.atomic
def place(order: int, refused: bool) -> None:
    """Place an order. Raises ValueError if it is refused."""
    Charge.objects.create(order=order)
    confirm.apply_async((order,), countdown=1)
    time.sleep(0.2)  # the rest of the request
    if refused:
        raise ValueError(order)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def confirm(order: int) -> None:
    """Mail the customer. Again: the same mail, by its id."""
    found = Charge.objects.filter(order=order).exists()
    note("mailed" if found else "not_found", order)
