"""The customer travels along, as plain values even. They are a copy, from the time of sending."""

from typing import Any

from django.forms.models import model_to_dict

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.models import Customer


def request_greeting(customer: Customer) -> None:
    """Have a customer greeted."""
    greet.delay(model_to_dict(customer))


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def greet(values: dict[str, Any]) -> None:
    """Send a customer a mail."""
    customer = Customer(**values)
    note("mailed", f"{customer.pk}:{customer.email}")
    customer.greeted = True
    customer.save()
