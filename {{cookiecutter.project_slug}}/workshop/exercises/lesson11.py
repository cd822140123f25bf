"""Exercise 11. State does not belong into a class, said the review. So the rate is in a cache, and the test is green.

The worker does not care. Mend it: `make check-lesson N=11`.

Hint 1: the name of the cache says where it lies. How many of them are there when a web process and a worker run?
Hint 2: it is Django's default, where CACHES is not set.
Hint 3: what do the page and the worker have in common? There is a model for it, in `workshop/models.py`.
"""

from django.core.cache.backends.locmem import LocMemCache

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note

cache = LocMemCache("rates", {})


def set_rate(percent: int) -> None:
    """Set the rate, as the page does."""
    cache.set("percent", percent)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def tax(order: int) -> None:
    """Tax an order. Again: the same tax."""
    note("taxed", f"{order}:{cache.get('percent', 19)}")
