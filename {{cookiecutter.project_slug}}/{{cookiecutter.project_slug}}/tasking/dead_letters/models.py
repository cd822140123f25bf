"""The table."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from kombu.utils import json


class DeadLetter(models.Model):
    """A task that failed for good."""

    class State(models.TextChoices):
        """What a person has done about it."""

        WAITING = "waiting"
        REPLAYED = "replayed"
        DISCARDED = "discarded"

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    task_id = models.CharField(max_length=255, unique=True)
    #: Empty if the message could not be read.
    task_name = models.CharField(max_length=255, blank=True)
    queue = models.CharField(max_length=255, blank=True)
    #: `[args, kwargs]` as kombu's JSON, which keeps dates, decimals and UUIDs; else what the unreadable message held.
    arguments = models.TextField()
    exception = models.TextField()
    traceback = models.TextField(blank=True)
    #: How often it was tried: once, and as often as it was retried.
    attempts = models.PositiveIntegerField(default=1)
    failed_at = models.DateTimeField(default=timezone.now, db_index=True)
    # Its place in a workflow: the first task's id, that of the task which sent it, that of its group or chord.
    root_id = models.CharField(max_length=255, blank=True, db_index=True)
    parent_id = models.CharField(max_length=255, blank=True)
    group_id = models.CharField(max_length=255, blank=True)
    #: The id of the task that was sent in its place.
    replayed_as = models.CharField(max_length=255, blank=True)
    settled_at = models.DateTimeField("replayed or discarded at", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-failed_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.task_name or 'unreadable message'}[{self.task_id}]"

    def keep(self) -> bool:
        """Write it, unless this task stands there already: a failure may be told twice, and be settled by then.

        Returns whether it was written.
        """
        values = self.values()
        _, is_new = type(self).objects.get_or_create(task_id=values.pop("task_id"), defaults=values)
        return is_new

    def values(self) -> dict[str, Any]:
        """Return its fields by name, without the primary key, as the database takes them."""
        fields = [field for field in self._meta.fields if not field.primary_key]
        return {field.attname: _storable(getattr(self, field.attname), field.max_length) for field in fields}

    def signature_arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return args and kwargs as the task had them. Raises ValueError for an unreadable message."""
        msg = "an unreadable message"
        try:
            args, kwargs = json.loads(self.arguments)
            if self.task_name and isinstance(args, list) and isinstance(kwargs, dict):
                return args, kwargs
        except Exception as error:  # such as Decimal's own, for what is no number
            raise ValueError(msg) from error
        raise ValueError(msg)

    @property
    def call(self) -> str:
        """The call as Python has it; of an unreadable message, what it held."""
        try:
            args, kwargs = self.signature_arguments()
        except ValueError:
            return self.arguments
        values = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        return f"{self.task_name}({', '.join(values)})"

    @property
    def reason(self) -> str:
        """The exception in one line."""
        return self.exception.partition("\n")[0][:100]


def _storable(value: Any, max_length: int | None) -> Any:
    """Return a text as long as its column takes, with what PostgreSQL refuses - NUL, half a character - spelt out."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")[:max_length]
