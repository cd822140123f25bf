"""Where a task is written, and how it is called."""

import inspect
from dataclasses import dataclass
from typing import Any

from celery import Task

from .. import registry


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
    function = registry.function_of(task)
    signature = inspect.signature(function)
    if registry.is_bound(task):
        signature = signature.replace(parameters=[*signature.parameters.values()][1:])
    return Definition(
        file=registry.file_of(task),
        line=registry.line_of(task),
        doc=inspect.getdoc(function) or "",
        call=f"{task.name.rpartition('.')[-1]}{signature}",
        arguments=[_argument(parameter) for parameter in signature.parameters.values()],
    )


def _argument(parameter: inspect.Parameter) -> Argument:
    annotation, default = parameter.annotation, parameter.default
    return Argument(
        # With the stars of *args and **kwargs.
        name=str(parameter.replace(annotation=inspect.Parameter.empty, default=inspect.Parameter.empty)),
        annotation=None if annotation is inspect.Parameter.empty else inspect.formatannotation(annotation),
        default=None if default is inspect.Parameter.empty else repr(default),
    )
