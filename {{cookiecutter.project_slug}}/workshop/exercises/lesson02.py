"""Exercise 2. Whoever wrote this knew that `get` is forbidden in a task, and asks again and again instead.

On a laptop, with one report at a time, it works. Mend it: `make check-lesson N=2`. Six reports are ordered at once.

Hint 1: what does a process do between two looks at the result? Who else could use it?
Hint 2: more processes move the limit. What happens at the next report more?
Hint 3: `order` may say what comes after what. A task gets the result of the one before it as its first argument.
"""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


def order(number: int) -> None:
    """Have a report made."""
    report.delay(number)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    ignore_result=False,
)
def price(number: int) -> int:
    """Find a price. Again: the same price."""
    time.sleep(0.2)
    note("price", number)
    return 100 + number


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def report(number: int) -> None:
    """Write the report. Again: the same report."""
    answer = price.delay(number)
    while not answer.ready():
        time.sleep(0.1)
    note("report", f"{number}:{answer.result}")
