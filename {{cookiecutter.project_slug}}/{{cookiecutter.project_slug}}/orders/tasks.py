"""The steps of an import as tasks: an id in, one call of a service, nothing else. `workflows.py` puts them in order.

Each may run twice, for a worker may die between the work and the acknowledgement; the services see to it that the
second run changes nothing, nor one whose import was deleted meanwhile. What is part of a chord keeps its result, since
the chord counts them.
"""

from datetime import date

from celery.exceptions import SoftTimeLimitExceeded
from celery.utils.log import get_task_logger
from django.db import connection

from ..tasking.decorator import shared_task
from ..tasking.queues import BULK, CRITICAL, DEFAULT
from ..tasking.task import Task
from .services import imports, rates, reports, retention

logger = get_task_logger(__name__)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def inspect_file(import_id: int) -> None:
    """Check the file and cut it into chunks. Again: nothing, it is no longer in the state of being received."""
    imports.inspect(import_id)


@shared_task(
    bind=True,
    queue=BULK,
    idempotent=True,
    ignore_result=False,
)
def import_chunk(self: Task[..., None], chunk_id: int) -> None:
    """Import the rows of a chunk. Again: nothing, its position is at its end.

    At the soft time limit what is committed stays, and the rest goes on in a new task, which takes this one's place in
    the chord. Raises SoftTimeLimitExceeded if not even one batch was possible in the time.
    """
    before = imports.rows_left(chunk_id)
    try:
        imports.import_chunk(chunk_id)
    except SoftTimeLimitExceeded:
        connection.close()  # it may still wait for the answer to a query; the next one opens another
        left = imports.rows_left(chunk_id)
        if left == before:
            raise
        logger.warning("chunk handed on at the soft time limit", extra={"chunk_id": chunk_id, "rows_left": left})
        self.replace(import_chunk.si(chunk_id))


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def reconcile(import_id: int, attempt: int) -> None:
    """Close the import of the rows. Again: nothing. Raises PermanentError if a row is missing."""
    imports.reconcile(import_id, attempt)


@shared_task(
    # A task that waits for its rate limit holds a place in its worker; on this queue nobody waits for that place.
    queue=BULK,
    idempotent=True,
    ignore_result=False,
    # For each worker: with two, the service is asked twice as often.
    rate_limit="10/s",
)
def fetch_rates_of(month: str) -> None:
    """Fetch the exchange rates of a month, given as `2011-03-01`. Again: they are overwritten with the same."""
    rates.fetch(date.fromisoformat(month))


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def confirm_rates(import_id: int) -> None:
    """Note that all exchange rates are there. Again: nothing."""
    reports.confirm_rates(import_id)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    ignore_result=False,
)
def build_report(import_id: int) -> None:
    """Compute the report. Again: nothing, it is there."""
    reports.build(import_id)


@shared_task(
    queue=CRITICAL,
    idempotent=True,
    ignore_result=False,
)
def mail_summary(import_id: int) -> None:
    """Mail the summary to the people who wait for it. Again: nothing, that it was sent is noted."""
    reports.mail_summary(import_id)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def finish(import_id: int) -> None:
    """Mark the import as finished. Again: nothing."""
    imports.finish(import_id)


@shared_task(
    bind=True,
    queue=CRITICAL,
    idempotent=True,
)
def record_failure(self: Task[..., None], import_id: int, attempt: int) -> None:
    """Errback of the workflow: note on the import which task failed first. Again: nothing, it is noted."""
    failed_task_id = str(self.request.parent_id or self.request.id)
    if imports.fail(import_id, attempt, failed_task_id):
        logger.warning("import stopped", extra={"import_id": import_id, "failed_task_id": failed_task_id})


@shared_task(
    queue=BULK,
    idempotent=True,
)
def delete_import(import_id: int) -> None:
    """Delete an import and its file. Again: nothing, it is gone."""
    retention.delete(import_id)
