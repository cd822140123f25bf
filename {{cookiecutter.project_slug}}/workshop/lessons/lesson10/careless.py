"""Nothing must be lost, so what kills its process goes back into the queue. Nobody counts."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from .photos import make_smaller


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    retry_on_worker_lost=False,
)
def shrink(photo: int) -> None:
    """Make a photo smaller. Again: the same photo."""
    make_smaller(photo)
