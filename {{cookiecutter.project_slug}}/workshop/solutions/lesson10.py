"""Solution 10: one more try, for a process may die by chance, and then a person."""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.lessons.lesson10.photos import make_smaller


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    max_retries=1,
    default_retry_delay=1,  # Seconds until a lost child's task comes again; its queue would wait for two.
)
def shrink(photo: int) -> None:
    """Make a photo smaller. Again: the same photo."""
    make_smaller(photo)
