"""Exercise 12. The partner asks why three products are missing. The dashboard is green, and has been for weeks.

Mend it: `make check-lesson N=12`. Whoever looks at `manage.py dead_letters list` is to find the three.

Hint 1: what does a worker count as a failure?
Hint 2: `suppress` is shorter than `try`, `except`, `pass`, and as silent.
Hint 3: which exception would you expect here, and what could this task do about it that a person could not do better?
"""

from contextlib import suppress

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.lessons.lesson12.prices import price


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    keep_dead_letter=True,
)
def export(product: int) -> None:
    """Send a product to the partner. Again: the same product."""
    note("began", product)
    with suppress(Exception):
        price(product)
        note("exported", product)
