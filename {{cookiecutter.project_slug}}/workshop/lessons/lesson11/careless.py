"""The rate is kept in memory. In a test there is only one."""

from typing import ClassVar

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


class Settings:
    """What the shop's owner has set."""

    percent: ClassVar[int] = 19


def set_rate(percent: int) -> None:
    """Set the rate, as the page does."""
    Settings.percent = percent


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def tax(order: int) -> None:
    """Tax an order. Again: the same tax."""
    note("taxed", f"{order}:{Settings.percent}")
