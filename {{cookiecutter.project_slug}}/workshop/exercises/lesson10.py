"""Exercise 10. A customer's photo was lost once, so somebody saw to it that this cannot happen again.

Now the worker loses a process every few seconds, day and night. Mend it: `make check-lesson N=10`.
The photo is not to be lost either: whoever looks at `manage.py dead_letters list` is to find it.

Hint 1: after how many tries do you know as much as after a thousand?
Hint 2: what the base class does after the last try is not to forget; see `tasking/dead_letters/`.
Hint 3: the check gives it fourteen seconds, and a lost process is noticed after up to five.
"""

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.lessons.lesson10.photos import make_smaller


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    max_retries=1000,
    default_retry_delay=1,  # Seconds until a lost child's task comes again; its queue would wait for two.
)
def shrink(photo: int) -> None:
    """Make a photo smaller. Again: the same photo."""
    make_smaller(photo)
