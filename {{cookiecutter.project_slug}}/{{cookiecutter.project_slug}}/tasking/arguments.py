"""What may be an argument of a task: plain values, few of them.

A model object in a message is a copy that grows stale while it waits; a large message costs the broker's memory twice.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

#: Bytes that the arguments of one task may take, about.
MAX_SIZE = 64 * 1024

#: What JSON knows, and what Celery's JSON brings back as it was.
PLAIN = (str, int, float, bool, type(None), datetime, date, time, Decimal, UUID)


class ArgumentError(TypeError):
    """An argument of a task is no plain value, or all of them together are too large."""


def check(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise ArgumentError if these are no arguments for a message to the named task; the message says what to pass."""
    size = sum(_size(task, f"argument {index}", value) for index, value in enumerate(args, 1))
    size += sum(_size(task, f"argument {name!r}", value) for name, value in kwargs.items())
    if size > MAX_SIZE:
        msg = f"{task}: the arguments take {size:,} bytes, more than {MAX_SIZE:,}. Store the data and pass its id."
        raise ArgumentError(msg)


def _size(task: str, where: str, value: object) -> int:
    """Return about how many bytes a value takes as JSON; raise ArgumentError where it is no plain value."""
    match value:
        case str():
            return len(value) + 2
        case list() | tuple():
            return 2 + sum(1 + _size(task, f"{where}, item {index}", item) for index, item in enumerate(value))
        case dict():
            return 2 + sum(_pair_size(task, where, key, item) for key, item in value.items())
        case int():
            return 1 + value.bit_length() // 3
        case None:
            return 4
        case Model():
            hint = f"Pass its id, as in .delay({type(value).__name__.lower()}.pk), and load it in the task."
        case QuerySet():
            hint = "Pass the ids, as in list(queryset.values_list('pk', flat=True)), and load the rows in the task."
        case _ if isinstance(value, PLAIN):
            return 8
        case _:
            hint = f"Pass plain values: {', '.join(kind.__name__ for kind in PLAIN)}, lists and dicts of them."
    msg = f"{task}: {where} is a {type(value).__name__} object. {hint}"
    raise ArgumentError(msg)


def _pair_size(task: str, where: str, key: object, value: object) -> int:
    if not isinstance(key, str):
        msg = f"{task}: {where} has the key {key!r}, which JSON would turn into a string. Use str keys."
        raise ArgumentError(msg)
    return len(key) + 4 + _size(task, f"{where}[{key!r}]", value)
