"""An import and what it brought. The state of the workflow is here, in the database, and nowhere else."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Max, Q, Sum
from django.urls import reverse
from django.utils import timezone

#: An unfinished import in which nothing has happened for so long may have lost its messages, or they wait in a queue:
#: so this doubles with every attempt. It is longer than Redis takes to deliver a dead worker's message again.
STALLED_AFTER = timedelta(minutes=15)
MOST_DOUBLINGS = 6


class ImportQuerySet(models.QuerySet["Import"]):
    """Imports."""

    def running(self) -> Self:
        """Return those in which a task of the workflow is due or at work."""
        return self.filter(self._is_running())

    def at_rest(self) -> Self:
        """Return all others."""
        return self.exclude(self._is_running())

    def not_cancelled(self) -> Self:
        """Return those that nobody has cancelled; a step is done for these only."""
        return self.filter(cancelled_at=None)

    def stalled(self) -> list["Import"]:
        """Return those that ought to be running and in which nothing has happened for too long."""
        now = timezone.now()
        quiet = self.running().filter(updated_at__lt=now - STALLED_AFTER)
        return [one for one in quiet if now - one.last_step_at() > one.patience()]

    def _is_running(self) -> Q:
        return Q(state__in=Import.RUNNING, failure="", cancelled_at=None)


class Import(models.Model):
    """One file on its way into the database."""

    class State(models.TextChoices):
        """How far it has come. A state is only followed by a later one; a failure leaves it, to go on from there."""

        RECEIVED = "received", "received"
        ASKING = "asking", "waiting for an answer"
        CHECKED = "checked", "checked"
        IMPORTING = "importing", "importing rows"
        IMPORTED = "imported", "rows are in"
        RATED = "rated", "exchange rates are in"
        FINISHED = "finished", "finished"
        REFUSED = "refused", "refused"

    #: The states in which a task of the workflow is due.
    RUNNING: ClassVar = (State.RECEIVED, State.CHECKED, State.IMPORTING, State.IMPORTED, State.RATED)

    name = models.CharField("file name", max_length=255)
    file = models.FileField(upload_to="imports/")
    digest = models.CharField("SHA-256 of the file", max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    #: Given by a person where nothing in the file decides it, else found in the file.
    date_order = models.CharField(max_length=12, blank=True)
    #: What is known of the file's form, see `csv_file.Inspection`.
    inspection = models.JSONField(default=dict, blank=True)
    rows = models.PositiveIntegerField("rows in the file", default=0)
    #: Why the file was refused, for a person.
    refusal = models.TextField(blank=True)
    #: How often the workflow was sent. What a task of an earlier one still has to say is out of date.
    attempt = models.PositiveIntegerField(default=0)
    #: Why the workflow stopped, for a person; the id leads to the log.
    failure = models.TextField(blank=True)
    failed_task_id = models.CharField(max_length=64, blank=True)
    #: When a person stopped it. Its messages are not called back: what they ask for is no longer done.
    cancelled_at = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["state", "updated_at"], name="orders_import_state")]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_state_display()})"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("orders:import", args=[self.pk])

    @property
    def is_running(self) -> bool:
        """Whether a task of the workflow is due or at work."""
        return self.state in self.RUNNING and not self.failure and not self.cancelled_at

    @property
    def is_stopped(self) -> bool:
        """Whether it ended before its time, and can go on from there."""
        return bool(self.state in self.RUNNING and (self.failure or self.cancelled_at))

    def last_step_at(self) -> datetime:
        """When a task last got somewhere with it."""
        last_chunk_at: datetime | None = self.chunks.aggregate(last=Max("updated_at"))["last"]
        return max(self.updated_at, last_chunk_at or self.updated_at)

    def patience(self) -> timedelta:
        """How long nothing may happen before it counts as stalled."""
        doublings = min(max(self.attempt - 1, 0), MOST_DOUBLINGS)
        return STALLED_AFTER * (1 << doublings)

    def progress(self) -> "Progress":
        """Count what its chunks have done so far."""
        ((_, progress),) = with_progress([self])
        return progress


class Progress:
    """Rows of an import: all of them, those that are in, and those that were no orders."""

    def __init__(self, rows: int, imported: int, refused: int) -> None:
        self.rows, self.imported, self.refused = rows, imported, refused

    @property
    def done(self) -> int:
        """Rows that need no more work."""
        return self.imported + self.refused

    @property
    def left(self) -> int:
        """Rows that are still to come."""
        return self.rows - self.done

    @property
    def percent(self) -> int:
        """Whole percent done, 100 only when all are."""
        return 100 * self.done // self.rows if self.rows else 0


def with_progress(imports: Iterable[Import]) -> list[tuple[Import, Progress]]:
    """Return each of these imports with what its chunks have done so far; one query for all."""
    imports = list(imports)
    sums = Chunk.objects.filter(import_file__in=imports).order_by().values_list("import_file")
    done = {import_id: rest for import_id, *rest in sums.annotate(Sum("imported"), Sum("refused"))}
    return [(one, Progress(one.rows, *done.get(one.pk, (0, 0)))) for one in imports]


class Chunk(models.Model):
    """A range of the file's bytes, imported by one task. Where it stands is committed together with the rows."""

    import_file = models.ForeignKey(Import, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    #: Byte at which the next row begins, its line in the file, and the byte after the last row.
    offset = models.PositiveBigIntegerField()
    line = models.PositiveIntegerField("next line")
    end = models.PositiveBigIntegerField()
    imported = models.PositiveIntegerField("rows imported", default=0)
    refused = models.PositiveIntegerField("rows refused", default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["import_file", "number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["import_file", "number"], name="orders_chunk_once")]

    def __str__(self) -> str:
        return f"chunk {self.number} of import {self.import_file_id}"


class OrderLine(models.Model):
    """One line of an invoice. It is identified by its line in the file: two lines that read the same both count."""

    import_file = models.ForeignKey(Import, models.CASCADE, related_name="order_lines")
    line = models.PositiveIntegerField("line in the file")
    invoice_no = models.CharField(max_length=20)
    stock_code = models.CharField(max_length=20)
    description = models.CharField(max_length=200, blank=True)
    quantity = models.IntegerField()
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)
    invoiced_at = models.DateTimeField()
    customer_id = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=60)
    cancelled = models.BooleanField()

    class Meta:
        ordering: ClassVar = ["import_file", "line"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["import_file", "line"], name="orders_line_once")]

    def __str__(self) -> str:
        return f"{self.invoice_no}: {self.quantity} x {self.description}"


class RowError(models.Model):
    """A row that is no order line, and why, in words for the person who sent the file."""

    import_file = models.ForeignKey(Import, models.CASCADE, related_name="row_errors")
    line = models.PositiveIntegerField("line in the file")
    column = models.CharField(max_length=60, blank=True)
    value = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["import_file", "line"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["import_file", "line"], name="orders_row_error_once")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class Step(models.Model):
    """A task of a workflow, as its page shows it. Signals tell it, for people: the workflow itself does not ask it."""

    class State(models.TextChoices):
        """What is known of it last. One whose process was killed stays at work until it is delivered again."""

        RUNNING = "running", "at work"
        RETRYING = "retrying", "to be tried again"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    import_file = models.ForeignKey(Import, models.CASCADE, related_name="steps")
    chunk = models.ForeignKey(Chunk, models.CASCADE, null=True, blank=True, related_name="steps")
    #: Of the import, see there.
    attempt = models.PositiveIntegerField()
    name = models.CharField("task", max_length=60)
    #: Of several tasks, where one puts a chord in its place: then the chord's body has its id.
    task_id = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    #: How often it was begun: more often than once after a retry, or after the death of its worker.
    runs = models.PositiveIntegerField(default=1)
    #: Why it did not get through, the last time.
    note = models.CharField(max_length=300, blank=True)
    began_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["task_id", "name"], name="orders_step_once")]
        indexes: ClassVar = [models.Index(fields=["import_file", "attempt", "name"], name="orders_step_of_attempt")]

    def __str__(self) -> str:
        return f"{self.name} of import {self.import_file_id}: {self.get_state_display()}"


class ExchangeRate(models.Model):
    """What one pound sterling cost in a currency in a month."""

    month = models.DateField(help_text="the first day of the month")
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        ordering: ClassVar = ["month", "currency"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["month", "currency"], name="orders_rate_once")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.currency} {self.rate}"
