"""Solution 3: nothing but options. The base class retries, backs off, and leaves the wait to chance."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.lessons.lesson03.service import ask


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    max_retries=10,
    retry_backoff=8,
)
def call(number: int) -> None:
    """Call the service. Again: the same call. Raises TransientError, for which the base class retries."""
    ask(number)
