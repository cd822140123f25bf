"""What a task's parameters are annotated with, and whether that can be sent in a message."""

import inspect
import io
import types
import typing
from collections.abc import Collection, Iterator
from typing import Any

from django.core.files import File
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..arguments import PLAIN
from ..registry import function_of, is_bound

#: Classes that many are tempted to pass, and what to pass instead.
INSTEAD: tuple[tuple[type, str], ...] = (
    (Model, "Pass its id, and load it in the task: by then it may have changed."),
    (QuerySet, "Pass the ids, and load the rows in the task."),
    (HttpRequest, "Pass what the task needs of it: an id, a language, an address."),
    (File, "Store the file, and pass its name or the id of its row."),
    (io.IOBase, "Store the file, and pass its name or the id of its row."),
    (typing.IO, "Store the file, and pass its name or the id of its row."),
)
OTHERWISE = f"Plain values can be sent: {', '.join(kind.__name__ for kind in PLAIN)}, lists and dicts of them."


def unsendable(task: Any) -> Iterator[tuple[str, str, str]]:
    """Yield name, annotation and remedy of each parameter that is annotated with something that cannot be sent."""
    function = function_of(task)
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - a name that only the type checker knows, and anything else an annotation may do
        hints = {name: hint for name, hint in inspect.get_annotations(function).items() if not isinstance(hint, str)}
    own = next(iter(inspect.signature(function).parameters), None) if is_bound(task) else None
    takes_pydantic = getattr(task, "_dump_pydantic_arguments", None) is not None
    for name, hint in hints.items():
        if name in {"return", own}:
            continue
        for kind in _objects(hint):
            if not (takes_pydantic and hasattr(kind, "model_validate")):
                hints_of = (instead for base, instead in INSTEAD if issubclass(kind, base))
                yield name, kind.__name__, next(hints_of, OTHERWISE)


def _objects(hint: Any) -> Iterator[type]:
    """Yield each class in an annotation whose objects are no plain values."""
    if isinstance(hint, typing.TypeAliasType):
        hint = hint.__value__
    if isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        yield from _objects(typing.get_args(hint)[0])
    elif origin in {typing.Union, types.UnionType} or (inspect.isclass(origin) and _is_container(origin)):
        for part in typing.get_args(hint):
            yield from _objects(part)
    elif inspect.isclass(origin):
        yield origin
    elif inspect.isclass(hint) and hint not in {Any, object} and not (issubclass(hint, PLAIN) or _is_container(hint)):
        yield hint


def _is_container(kind: type) -> bool:
    """Whether its objects are sent as lists or dicts; a set is not."""
    return issubclass(kind, Collection) and not issubclass(kind, set | frozenset | bytes | bytearray)
