"""The tasks that are registered: which of them are this project's, and where each is written."""

import inspect
from functools import lru_cache
from pathlib import Path
from typing import Any

from celery import Celery
from django.conf import settings


@lru_cache(maxsize=1)
def load(app: Celery) -> None:
    """Import every module with tasks, as a worker does, and register all tasks."""
    app.loader.import_default_modules()
    app.finalize()


def tasks(app: Celery, *, foreign: bool = False) -> list[Any]:
    """Return the tasks of this project by name; with `foreign` those of Celery and of other packages as well."""
    load(app)
    return [task for _, task in sorted(app.tasks.items()) if foreign or _is_ours(task)]


def function_of(task: Any) -> Any:
    """Return the function of a task as its author wrote it; of a task that is a class, its `run`."""
    return inspect.unwrap(getattr(task, "_decorated_fun", None) or task.__class__.run)


def is_bound(task: Any) -> bool:
    """Whether the function of a task takes the task itself as its first argument."""
    return not isinstance(vars(task.__class__).get("__wrapped__"), staticmethod)


def file_of(task: Any) -> str:
    """Return the file in which a task is written, relative to the project if it lies in it."""
    return relative(function_of(task).__code__.co_filename)


def line_of(task: Any) -> int:
    """Return the line on which a task begins: that of its first decorator."""
    line: int = function_of(task).__code__.co_firstlineno
    return line


def relative(path: str | Path) -> str:
    """Return a path relative to the project, if it lies in it."""
    path = Path(path)
    return str(path.relative_to(settings.BASE_DIR) if path.is_relative_to(settings.BASE_DIR) else path)


def _is_ours(task: Any) -> bool:
    owners = (settings.PACKAGE, "config", *settings.PROJECT_APPS)
    return any(f"{task.__module__}.".startswith(f"{owner}.") for owner in owners)
