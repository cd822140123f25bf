"""Exercise 3. A service refused some calls, so somebody had them tried again, a little later. Now it refuses more.

Its owners complain of us by name. Mend it: `make check-lesson N=3`. Of the calls that fail at first, no more than half
may come back within one second, and none may be given up.

Hint 1: when does a task come back that failed at noon, and when do the forty others?
Hint 2: `tasking/task.py` retries for `TransientError` by itself. What does it do that this does not?
Hint 3: `retry_backoff` is the longest first wait; chance takes a part of it. A longer one spreads more.
"""

from typing import Any

from celery import Task

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.errors import TransientError
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.lessons.lesson03.service import ask


@shared_task(
    bind=True,
    queue=DEFAULT,
    idempotent=True,
    max_retries=10,
)
def call(self: Task[..., Any], number: int) -> None:
    """Call the service. Again: the same call."""
    try:
        ask(number)
    except TransientError as error:
        raise self.retry(exc=error, countdown=5) from error
