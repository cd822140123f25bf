"""The Canvas: which task after which, and the tasks that decide at run time how many there are.

    inspect_file -> split -> [ import_chunk | import_chunk | ... ] -> reconcile
                 -> fetch_rates -> [ fetch_rates_of | ... ] -> confirm_rates
                 -> [ build_report | mail_summary ] -> finish             and from anywhere, on failure: record_failure

Every signature is immutable (`si`): a step takes the id of the import, never the result of the step before. Since a
step does nothing unless it is its turn, the same workflow starts an import, goes on after an answer, and resumes.
"""

from celery import Task, chain, chord, group, shared_task
from celery.canvas import Signature
from celery.utils.log import get_task_logger
from django.db import transaction

from ..tasking.outbox.publisher import apply_on_commit
from ..tasking.queues import BULK, DEFAULT
from . import tasks
from .models import Import
from .services import imports, rates, retention

logger = get_task_logger(__name__)

#: Deletions that one message asks for: each is quick, so that a message for each would cost more than the work.
DELETIONS_PER_TASK = 50


def run_on_commit(import_id: int) -> None:
    """Send the workflow of an import when the current transaction commits.

    The attempt is counted in that transaction. While the broker does not take it, the workflow waits in the outbox.
    """
    with transaction.atomic():
        apply_on_commit(workflow(import_id, imports.next_attempt(import_id)))


def run(import_id: int) -> None:
    """Send the workflow of an import now: the first time, after an answer, or to go on where it stopped."""
    workflow(import_id, imports.next_attempt(import_id)).apply_async()


def workflow(import_id: int, attempt: int) -> Signature:
    """Return everything that is to be done for an import, as one signature."""
    return chain(
        tasks.inspect_file.si(import_id),
        split.si(import_id),
        fetch_rates.si(import_id),
        chord(
            [tasks.build_report.si(import_id), tasks.mail_summary.si(import_id)],
            tasks.finish.si(import_id),
        ),
    ).on_error(tasks.record_failure.si(import_id, attempt))


@shared_task(
    bind=True,
    queue=DEFAULT,
)
def split(self: Task[..., None], import_id: int) -> None:
    """Fan out: a task for each chunk that has rows left, and `reconcile` when all are in. Again: what is left."""
    chunks = [tasks.import_chunk.si(chunk_id) for chunk_id in imports.begin(import_id)]
    done = tasks.reconcile.si(import_id)
    self.replace(chord(chunks, done) if chunks else done)


@shared_task(
    bind=True,
    queue=DEFAULT,
)
def fetch_rates(self: Task[..., None], import_id: int) -> None:
    """Fan out: one task for each month whose exchange rates are unknown. Again: only those still unknown."""
    months = [tasks.fetch_rates_of.si(month.isoformat()) for month in rates.missing_months(import_id)]
    done = tasks.confirm_rates.si(import_id)
    self.replace(chord(months, done) if months else done)


@shared_task(
    queue=DEFAULT,
)
def resume_stalled() -> None:
    """Send the workflow again of each import that has lost its messages. Scheduled; again: none is stalled any more."""
    for import_id in Import.objects.stalled().values_list("pk", flat=True):
        logger.warning("import resumed", extra={"import_id": import_id})
        run(import_id)


@shared_task(
    queue=DEFAULT,
)
def delete_expired() -> None:
    """Delete old imports, many in one message. Scheduled; again: what is left of them."""
    expired = [(import_id,) for import_id in retention.expired()]
    group(tasks.delete_import.chunks(expired, DELETIONS_PER_TASK).group()).set(queue=BULK).apply_async()
