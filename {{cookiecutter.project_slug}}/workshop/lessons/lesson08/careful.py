"""As the base class has it: a lost child counts as a try, and its task is sent again with its place in the chord."""

from celery import chord

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note

from .pages import PAGES, draw_page


def order_report(report: int) -> None:
    """Have a report drawn and bound."""
    chord([draw.s(report, page) for page in range(PAGES)], bind.s(report)).delay()


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    ignore_result=False,
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
