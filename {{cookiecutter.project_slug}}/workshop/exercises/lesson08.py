"""Exercise 8. A report killed its worker over and over, and somebody switched off what sent it again, for all of them.

Since then a page that meets a full memory once is the end of its report. Mend it: `make check-lesson N=8`.

Hint 1: what becomes of a task whose process is killed? Who tells the chord?
Hint 2: the base class (`tasking/task.py`) has an answer to a lost child. What does this task say instead?
Hint 3: against endless tries, which other number would have done?
"""

from celery import chord

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note
from workshop.lessons.lesson08.pages import PAGES, draw_page


def order_report(report: int) -> None:
    """Have a report drawn and bound."""
    chord([draw.s(report, page) for page in range(PAGES)], bind.s(report)).delay()


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    ignore_result=False,
    max_retries=0,
    default_retry_delay=1,  # Seconds until a lost child's task comes again; its queue would wait for two.
)
def draw(report: int, page: int) -> str:
    """Draw a page and return its name. Again: the same page."""
    return draw_page(report, page)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def bind(pages: list[str], report: int) -> None:
    """Bind a report's pages. Again: the same report."""
    if len(pages) == PAGES:
        note("bound", report)
