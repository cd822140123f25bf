"""A back-off of which each task waits a random part, as the base class has it."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from .service import ask


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    max_retries=10,
    retry_backoff=6,
    retry_backoff_max=6,
)
def call(number: int) -> None:
    """Call the service. Again: the same call."""
    ask(number)
