"""A back-off that is the same for all."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from .service import ask


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    max_retries=10,
    retry_backoff=6,
    retry_backoff_max=6,
    retry_jitter=False,
)
def call(number: int) -> None:
    """Call the service. Again: the same call."""
    ask(number)
