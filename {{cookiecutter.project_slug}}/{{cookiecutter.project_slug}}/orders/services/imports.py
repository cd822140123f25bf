"""An import, step by step. Every step asks first whether it is its turn: run twice, it changes nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC
from itertools import batched
from typing import Any

from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from ...tasking.errors import PermanentError, TransientError
from .. import conf
from ..models import Chunk, Import, OrderLine, RowError
from . import csv_file
from .csv_file import DateOrder, FileRefused, Inspection, Row

#: Rows of one transaction.
ROWS_PER_BATCH = 1_000

State = Import.State


def receive(upload: "File[bytes]", name: str, then: Callable[[int], None]) -> tuple[Import, bool]:
    """Store a file as a new import, and call `then` with its id in the transaction that makes it.

    A file that was sent before is recognised: its import comes back, with False.
    """
    digest = hashlib.sha256()
    for block in upload.chunks():
        digest.update(block)
    known = Import.objects.filter(digest=digest.hexdigest()).first()
    if known:
        return known, False
    new = Import(name=name[:255], digest=digest.hexdigest())
    # Before the transaction: SQLite lets nobody else write during one.
    new.file.save(name, upload, save=False)
    try:
        with transaction.atomic():
            new.save()
            then(new.pk)
    except IntegrityError:  # the same file, sent twice at the same moment
        new.file.delete(save=False)
        return Import.objects.get(digest=new.digest), False
    return new, True


def inspect(import_id: int) -> None:
    """Find out whether and how the file can be read, and cut it into chunks; else refuse it.

    Where nothing in the file decides the order of its dates, the import waits for `answer_date_order`.
    """
    received = _in_state(import_id, State.RECEIVED)
    if received is None:
        return
    given = DateOrder(received.date_order) if received.date_order else None
    try:
        with received.file.open("rb") as file:
            inspection, pieces = csv_file.inspect(file, given, conf.ROWS_PER_CHUNK)
    except FileRefused as refusal:
        _advance(import_id, State.RECEIVED, State.REFUSED, refusal=str(refusal))
        return
    chunks = [
        Chunk(
            import_file=received,
            number=piece.number,
            rows=piece.rows,
            offset=piece.start,
            line=piece.line,
            end=piece.end,
        )
        for piece in pieces
    ]
    next_state = State.CHECKED if inspection.date_order else State.ASKING
    with transaction.atomic():
        if _advance(import_id, State.RECEIVED, next_state, inspection=asdict(inspection), rows=inspection.rows):
            Chunk.objects.bulk_create(chunks)


def answer_date_order(import_id: int, date_order: DateOrder) -> bool:
    """Take a person's answer to the question of an import; return whether it had one."""
    asking = _in_state(import_id, State.ASKING)
    if asking is None:
        return False
    inspection = asdict(replace(_inspection(asking), date_order=date_order))
    return _advance(import_id, State.ASKING, State.CHECKED, inspection=inspection, date_order=date_order)


def begin(import_id: int) -> list[int]:
    """Begin the import of the rows, or go on with it, and return the ids of the chunks that have some left."""
    _advance(import_id, State.CHECKED, State.IMPORTING)
    begun = Import.objects.not_cancelled().filter(pk=import_id, state=State.IMPORTING)
    unfinished = Chunk.objects.filter(import_file__in=begun, offset__lt=F("end"))
    return list(unfinished.values_list("pk", flat=True))


def import_chunk(chunk_id: int) -> None:
    """Import the rows of a chunk that are left: each batch, and the position after it, in one transaction.

    Stopped at any point, it goes on after the last batch. Of two at once, the later one finds the position moved.
    """
    wanted = Chunk.objects.select_related("import_file").filter(import_file__cancelled_at=None)
    chunk = wanted.filter(pk=chunk_id, offset__lt=F("end")).first()
    if chunk is None:
        return
    with chunk.import_file.file.open("rb") as file:
        rows = csv_file.read(file, _inspection(chunk.import_file), chunk.offset, chunk.end, chunk.line)
        for batch in batched(rows, ROWS_PER_BATCH):
            if not _commit(chunk, batch):
                return


def rows_left(chunk_id: int) -> int:
    """Return how many rows of a chunk are still to be imported; 0 if there is no such chunk any more."""
    left = Chunk.objects.filter(pk=chunk_id).values_list(F("rows") - F("imported") - F("refused"), flat=True)
    return left.first() or 0


def reconcile(import_id: int, attempt: int) -> None:
    """Close the import of the rows, unless a later attempt is at it.

    Raises TransientError if a chunk is still at work, as when it was delivered twice, and PermanentError if a row is
    neither an order line nor a row error.
    """
    importing = _in_state(import_id, State.IMPORTING)
    if importing is None or importing.attempt != attempt:
        return
    if unfinished := importing.chunks.filter(offset__lt=F("end")).count():
        msg = f"Import {import_id}: {unfinished} chunks are not all in yet."
        raise TransientError(msg)
    lines, errors = importing.order_lines.count(), importing.row_errors.count()
    if lines + errors != importing.rows:
        msg = f"Import {import_id}: the file has {importing.rows} rows, the database {lines} lines and {errors} errors."
        raise PermanentError(msg)
    _advance(import_id, State.IMPORTING, State.IMPORTED)


def finish(import_id: int) -> None:
    """Mark an import as finished once its report and its summary are out."""
    if Import.objects.filter(pk=import_id, report__isnull=False, mailed_at__isnull=False).exists():
        _advance(import_id, State.RATED, State.FINISHED, finished_at=timezone.now())


def next_attempt(import_id: int) -> int:
    """Count an attempt at the workflow, clear what stopped the one before, and return its number."""
    Import.objects.filter(pk=import_id).update(
        attempt=F("attempt") + 1,
        failure="",
        failed_task_id="",
        cancelled_at=None,
        updated_at=timezone.now(),
    )
    return Import.objects.values_list("attempt", flat=True).get(pk=import_id)


def fail(import_id: int, attempt: int, task_id: str) -> bool:
    """Note which task first stopped this attempt at a running import; return False if that is noted, or out of date.

    The state of the import stays, for the next attempt to go on from there.
    """
    failure = "A step of the workflow failed for good, or its last retry did. What is imported stays imported."
    running = Import.objects.running().filter(pk=import_id, attempt=attempt)
    return bool(running.update(failure=failure, failed_task_id=task_id, updated_at=timezone.now()))


def cancel(import_id: int) -> bool:
    """Have nothing more done for a running import; return False if it is not running.

    No message is called back, since a worker that is restarted forgets that: each step asks before it begins, and a
    chunk before each batch. What is imported stays, for the next attempt to go on from there.
    """
    now = timezone.now()
    return bool(Import.objects.running().filter(pk=import_id).update(cancelled_at=now, updated_at=now))


def _in_state(import_id: int, state: Import.State) -> Import | None:
    """Return the import if it is there, not cancelled and in this state, so that the step after this is its turn."""
    return Import.objects.not_cancelled().filter(pk=import_id, state=state).first()


def _advance(import_id: int, before: Import.State, after: Import.State, **fields: Any) -> bool:
    """Move an import from one state to the next; return False, and change nothing, if it is not its turn."""
    waiting = Import.objects.not_cancelled().filter(pk=import_id, state=before)
    return bool(waiting.update(state=after, updated_at=timezone.now(), **fields))


def _inspection(import_file: Import) -> Inspection:
    return Inspection(**import_file.inspection)


def _commit(chunk: Chunk, batch: tuple[Row | csv_file.RowError, ...]) -> bool:
    """Write a batch and move the chunk's position.

    Return False, and write nothing, if another worker has moved it, or a person has cancelled the import.
    """
    lines = [
        OrderLine(
            import_file_id=chunk.import_file_id,
            line=row.line,
            invoice_no=row.invoice_no,
            stock_code=row.stock_code,
            description=row.description,
            quantity=row.quantity,
            unit_price=row.unit_price,
            invoiced_at=row.invoiced_at.replace(tzinfo=UTC),
            customer_id=row.customer_id,
            country=row.country,
            cancelled=row.cancelled,
        )
        for row in batch
        if isinstance(row, Row)
    ]
    errors = [
        RowError(
            import_file_id=chunk.import_file_id,
            line=row.line,
            column=row.column,
            value=row.value,
            reason=row.reason,
        )
        for row in batch
        if not isinstance(row, Row)
    ]
    last = batch[-1]
    with transaction.atomic():
        moved = Chunk.objects.filter(pk=chunk.pk, offset=chunk.offset, import_file__cancelled_at=None).update(
            offset=last.next_start,
            line=last.next_line,
            imported=F("imported") + len(lines),
            refused=F("refused") + len(errors),
            updated_at=timezone.now(),
        )
        if not moved:
            return False
        OrderLine.objects.bulk_create(lines)
        RowError.objects.bulk_create(errors)
    chunk.offset = last.next_start
    return True
