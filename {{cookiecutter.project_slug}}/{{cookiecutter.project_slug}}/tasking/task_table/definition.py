"""Where a task is written, and how it is called."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Task
from django.conf import settings


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a task: its annotation and its default as they are written, None where there is none."""

    name: str
    annotation: str | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Definition:
    """The function behind a task. The file is relative to the project, if it lies in it."""

    file: str
    line: int
    doc: str
    #: As it is called: `name(argument: int) -> None`.
    call: str
    arguments: list[Argument]


def of(task: Task[..., Any]) -> Definition:
    """Return where a task's function stands and what it takes; the task itself, if it is bound, is no argument."""
    function: Any = inspect.unwrap(getattr(task, "_decorated_fun", None) or task.__class__.run)
    signature = inspect.signature(function)
    if _is_bound(task):
        signature = signature.replace(parameters=[*signature.parameters.values()][1:])
    path = Path(inspect.getsourcefile(function) or "")
    return Definition(
        file=str(path.relative_to(settings.BASE_DIR) if path.is_relative_to(settings.BASE_DIR) else path),
        line=function.__code__.co_firstlineno,
        doc=inspect.getdoc(function) or "",
        call=f"{task.name.rpartition('.')[-1]}{signature}",
        arguments=[_argument(parameter) for parameter in signature.parameters.values()],
    )


def _is_bound(task: Task[..., Any]) -> bool:
    return not isinstance(vars(task.__class__).get("__wrapped__"), staticmethod)


def _argument(parameter: inspect.Parameter) -> Argument:
    annotation, default = parameter.annotation, parameter.default
    return Argument(
        # With the stars of *args and **kwargs.
        name=str(parameter.replace(annotation=inspect.Parameter.empty, default=inspect.Parameter.empty)),
        annotation=None if annotation is inspect.Parameter.empty else inspect.formatannotation(annotation),
        default=None if default is inspect.Parameter.empty else repr(default),
    )
