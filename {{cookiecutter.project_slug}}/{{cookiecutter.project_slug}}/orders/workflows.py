"""The Canvas: which task after which, and the tasks that decide at run time how many there are.

    start: inspect_file -> split -> [ import_chunk | import_chunk | ... ] -> reconcile
                  -> fetch_rates -> [ fetch_rates_of | ... ] -> confirm_rates
                  -> [ build_report | mail_summary ] -> finish             and from anywhere, on failure: record_failure

Every signature is immutable (`si`): a step takes the id of the import, never the result of the step before. Since a
step does nothing unless it is its turn, the same workflow starts an import, goes on after an answer, and resumes.
"""

from celery import chain, chord
from celery.canvas import Signature
from celery.utils.log import get_task_logger
from django.db import transaction

from ..tasking.decorator import shared_task
from ..tasking.outbox.publisher import apply_on_commit
from ..tasking.queues import BULK, DEFAULT, QUEUES
from ..tasking.task import Task
from . import tasks
from .models import Import
from .services import imports, rates, retention

logger = get_task_logger(__name__)

#: Deletions that one message asks for: each is quick, so that a message for each would cost more than the work.
DELETIONS_PER_TASK = 50


def run_on_commit(import_id: int) -> None:
    """Have the workflow of an import sent when the current transaction commits: at first, after an answer, to resume.

    The attempt is counted in that transaction. While the broker does not take it, the message waits in the outbox.
    """
    with transaction.atomic():
        apply_on_commit(_start(import_id))


def run(import_id: int) -> None:
    """Have the workflow of an import sent now."""
    _start(import_id).apply_async()


def _start(import_id: int) -> Signature:
    """Count an attempt and return the task that sends the workflow.

    A worker sends it, since sending a chord takes the result backend, and a request should not wait for that.
    """
    attempt = imports.next_attempt(import_id)
    return start.si(import_id, attempt).on_error(tasks.record_failure.si(import_id, attempt))


def workflow(import_id: int, attempt: int) -> Signature:
    """Return everything that is to be done for an import, as one signature."""
    return chain(
        tasks.inspect_file.si(import_id),
        split.si(import_id, attempt),
        fetch_rates.si(import_id),
        chord(
            [tasks.build_report.si(import_id), tasks.mail_summary.si(import_id)],
            tasks.finish.si(import_id),
        ),
    ).on_error(tasks.record_failure.si(import_id, attempt))


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def start(import_id: int, attempt: int) -> None:
    """Send the workflow of an import. Again: it is sent again, and finds each step done."""
    workflow(import_id, attempt).apply_async()


@shared_task(
    bind=True,
    queue=DEFAULT,
    idempotent=True,
)
def split(self: Task[..., None], import_id: int, attempt: int) -> None:
    """Fan out: a task for each chunk that has rows left, and `reconcile` when all are in. Again: what is left."""
    chunks = [tasks.import_chunk.si(chunk_id) for chunk_id in imports.begin(import_id)]
    done = tasks.reconcile.si(import_id, attempt)
    self.replace(chord(chunks, done) if chunks else done)


@shared_task(
    bind=True,
    queue=DEFAULT,
    idempotent=True,
)
def fetch_rates(self: Task[..., None], import_id: int) -> None:
    """Fan out: one task for each month whose exchange rates are unknown. Again: only those still unknown."""
    months = [tasks.fetch_rates_of.si(month.isoformat()) for month in rates.missing_months(import_id)]
    done = tasks.confirm_rates.si(import_id)
    self.replace(chord(months, done) if months else done)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def resume_stalled() -> None:
    """Send the workflow again of each import that seems to have lost its messages. Scheduled; again: none is left."""
    for stalled in Import.objects.stalled():
        logger.warning("import resumed", extra={"import_id": stalled.pk})
        run(stalled.pk)


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def delete_expired() -> None:
    """Delete old imports, many in one message. Scheduled; again: what is left of them."""
    expired = [(import_id,) for import_id in retention.expired()]
    deletions = tasks.delete_import.chunks(expired, DELETIONS_PER_TASK).group()
    # The message is for a task of Celery's own, which knows nothing of the queue and the limits of ours.
    bulk = QUEUES[BULK]
    deletions.apply_async(queue=BULK, soft_time_limit=bulk.soft_time_limit, time_limit=bulk.time_limit)
