"""A worker must not crash, somebody thought. It does not: it says that all is well."""

from celery.utils.log import get_task_logger

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note

from .prices import price

logger = get_task_logger(__name__)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def export(product: int) -> None:
    """Send a product to the partner."""
    note("began", product)
    try:
        price(product)
    except Exception as error:  # noqa: BLE001 - that is the lesson
        logger.info("not exported: %s", error)
    else:
        note("exported", product)
