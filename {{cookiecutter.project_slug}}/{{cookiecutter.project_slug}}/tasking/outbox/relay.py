"""Publish what could not be published at the commit. Any number of relays may run."""

import time
from datetime import timedelta

from celery.utils.log import get_task_logger
from django.db import transaction
from django.utils import timezone

from .models import OutboxMessage
from .publisher import BROKER_ERRORS, publish

logger = get_task_logger(__name__)

BATCH = 100
#: Seconds for which a relay owns the rows it took; a relay that died held them no longer than this.
LEASE = 60
#: Seconds that a relay waits for one publish.
PATIENCE = 15
#: Seconds after which a row is tried again that is itself at fault, at most.
LONGEST_BACKOFF = 3600


def relay() -> int:
    """Publish all rows that are due, oldest first, and return how many were. Again: what is due then.

    A row that cannot be published waits longer each time and holds up no other. If the broker is away, nothing is
    tried beyond the first row. Raises DatabaseError.
    """
    published = 0
    while rows := _take():
        stop = time.monotonic() + LEASE - PATIENCE
        for done, row in enumerate(rows):
            if time.monotonic() > stop:
                _give_back(rows[done:])
                break
            try:
                publish(row, PATIENCE)
            except BROKER_ERRORS as error:
                logger.warning("the broker takes no messages", extra={"reason": repr(error)})
                _give_back(rows[done:])
                return published
            except Exception as error:  # noqa: BLE001 - it is kept with the row
                _refuse(row, error)
            else:
                published += 1
    return published


def _take() -> list[OutboxMessage]:
    """Take rows that are due, for LEASE. Short, so that nothing is locked while the network is waited for.

    On SQLite, which has no locks on rows, the transaction itself is exclusive.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = list(OutboxMessage.objects.select_for_update(skip_locked=True).filter(next_try_at__lte=now)[:BATCH])
        ids = [row.pk for row in rows]
        OutboxMessage.objects.filter(pk__in=ids).update(next_try_at=now + timedelta(seconds=LEASE))
    return rows


def _give_back(rows: list[OutboxMessage]) -> None:
    OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=timezone.now())


def _refuse(row: OutboxMessage, error: Exception) -> None:
    row.attempts += 1
    row.last_error = f"{type(error).__name__}: {error}"
    row.next_try_at = timezone.now() + timedelta(seconds=min(2**row.attempts, LONGEST_BACKOFF))
    row.save(update_fields=["attempts", "last_error", "next_try_at"])
    logger.error(
        "message cannot be published",
        exc_info=error,
        extra={"sent_task": row.task_name, "sent_task_id": row.task_id, "attempts": row.attempts},
    )
