"""The names of the tasks, as messages carry them: a message may outlive a rename.

Each app has them in a file `tasks.lock` beside its `tasks.py`, which is committed. So a rename shows in review, and
`manage.py check` tells of it before a worker meets a message that it does not know.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from ..registry import relative
from .tasks import place

FILE = "tasks.lock"
HEADER = """\
# The names of this app's tasks: a message that waits in a queue carries one of them.
# `manage.py check` compares, `manage.py tasks --lock` writes them anew.
"""
NO_FILE = "There is no such file, so that nothing will tell when a task of this app is renamed."
ADD = "`manage.py tasks --lock` writes it down; commit the file."


def lock_files(tasks: Iterable[Any]) -> dict[Path, list[str]]:
    """Return the path of each app's file and the names that belong into it; none for an app that has no tasks."""
    files: dict[Path, list[str]] = {}
    for config in _project_apps():
        names = sorted(task.name for task in tasks if apps.get_containing_app_config(task.__module__) is config)
        path = Path(config.path, FILE)
        if names or path.exists():
            files[path] = names
    return files


def write(path: Path, names: Iterable[str]) -> None:
    """Write the names into an app's file. Raises OSError."""
    path.write_text(HEADER + "".join(f"{name}\n" for name in names), encoding="utf-8")


def read(path: Path) -> dict[str, int]:
    """Return the names in an app's file, each with its line. Raises OSError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name.strip(): number for number, name in enumerate(lines, 1) if name.strip() and not name.startswith("#")}


def check_names(tasks: Iterable[Any]) -> Iterator[CheckMessage]:
    """E026 and W027: yield what was renamed or removed since the files were written, and what is new."""
    tasks = list(tasks)
    by_name = {task.name: task for task in tasks}
    for path, names in lock_files(tasks).items():
        where = relative(path)
        if not path.exists():
            yield CheckWarning(NO_FILE, hint=ADD, obj=where, id="tasking.W027")
            continue
        locked = read(path)
        for name, line in locked.items():
            if name not in names:
                yield Error(
                    f"{name} is gone, but a message of that name may still wait: it would become a dead letter.",
                    hint=f'Renamed? Keep what messages call it: @shared_task(name="{name}", ...). Gone, and its queue '
                    "has been emptied since? `manage.py tasks --lock` strikes it out.",
                    obj=f"{where}:{line}",
                    id="tasking.E026",
                )
        for name in names:
            if name not in locked:
                yield CheckWarning(
                    f"It is not in {where}, so that nothing will tell when it is renamed.",
                    hint=ADD,
                    obj=place(by_name[name]),
                    id="tasking.W027",
                )


def _project_apps() -> list[AppConfig]:
    return [config for config in apps.get_app_configs() if config.name in settings.PROJECT_APPS]
