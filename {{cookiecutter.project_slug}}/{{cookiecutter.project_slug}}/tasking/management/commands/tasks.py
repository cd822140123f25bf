"""`manage.py tasks`: what holds for each task of the project, and who said so. It needs no broker."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from celery import Task, current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ... import registry
from ...checks import names
from ...queues import QUEUES
from ...task_table import definition, layout, rows, schedules, values

COLUMNS = ("task", "queue", "soft / hard", "retries, wait", "ack", "rate", "idempotent", "schedule")


class Command(BaseCommand):
    help = "List the project's tasks: queue, limits, retries, schedule; or show one, and where each value comes from."
    # What is wrong elsewhere does not hide what the tasks are.
    requires_system_checks = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = (
            "The wait before a retry is random, up to the first number for the first one, twice that for the next, and "
            "never more than the second; 'fixed' is just that, not random."
        )
        parser.add_argument("--task", metavar="NAME", help="one in full; its last part is enough: 'canary'")
        parser.add_argument("--all", action="store_true", help="those of Celery and of other packages as well")
        parser.add_argument("--lock", action="store_true", help="write the names into each app's tasks.lock")
        parser.add_argument(
            "--format",
            choices=("table", "json", "markdown"),
            default="table",
            help="default: table; piped, without colour. json: times in seconds. markdown: to paste into a page",
        )

    def handle(self, *, task: str | None, **options: Any) -> None:
        if options["lock"]:
            self.lock()
        elif task is None:
            self.print_all(options["all"], options["format"])
        else:
            try:
                self.print_one(rows.find(current_app, task), options["format"])
            except rows.UnknownTaskError as error:
                raise CommandError(str(error)) from error

    def print_all(self, foreign: bool, form: str) -> None:
        table = [rows.row(task) for task in registry.tasks(current_app, foreign=foreign)]
        if form == "json":
            self.print_json([asdict(row) for row in table])
            return
        self.print_table(COLUMNS, [_cells(row) for row in table], form)
        if form == "table" and self.stdout.isatty():
            self.stdout.write(f"\n{len(table)} tasks; --task NAME shows one in full and where each value comes from.")

    def lock(self) -> None:
        """Write the names of each app's tasks into its file, and say what is new in it and what is no longer."""
        for path, current in names.lock_files(registry.tasks(current_app)).items():
            before = names.read(path) if path.exists() else {}
            names.write(path, current)
            added, removed = [name for name in current if name not in before], [*before.keys() - set(current)]
            self.stdout.write(f"{registry.relative(path)}: {len(current)} tasks, {len(added)} new, {len(removed)} gone")
            self.print_lines(*[f"  + {name}" for name in added], *[f"  - {name}" for name in sorted(removed)])

    def print_one(self, task: Task[..., Any], form: str) -> None:
        found, known = definition.of(task), values.values(task)
        entries = schedules.entries(current_app, task.name)
        policy = QUEUES.get(known["queue"].value)
        if form == "json":
            self.print_json(
                {
                    "name": task.name,
                    **asdict(found),
                    "options": {name: asdict(value) for name, value in known.items()},
                    "schedule": [asdict(entry) for entry in entries],
                    "policy": asdict(policy) if policy else None,
                }
            )
            return
        heading, call = (f"### {task.name}", f"`{found.call}`") if form == "markdown" else (task.name, found.call)
        paragraphs = (self.style.MIGRATE_HEADING(heading), call, found.doc, f"{found.file}:{found.line}")
        for paragraph in filter(None, paragraphs):
            self.print_lines(paragraph, "")
        lines = [line for name, value in known.items() for line in _option_lines(name, value, form)]
        self.print_table(("option", "value", "from"), lines, form)
        self.print_lines("")
        if entries:
            cells = [(entry.name, entry.when, _call(entry), _pairs(entry.options)) for entry in entries]
            self.print_table(("schedule", "when", "arguments", "options"), cells, form)
        else:
            self.print_lines("Not in the schedule.")
        if policy:
            self.print_lines("")
            limits = [(name, _text(value)) for name, value in asdict(policy).items()]
            self.print_table((f"queue {known['queue'].value}", ""), limits, form)

    def print_table(self, header: Sequence[str], cells: Iterable[Sequence[str]], form: str) -> None:
        if form == "markdown":
            self.print_lines(*layout.markdown(header, cells))
            return
        first, *others = layout.aligned(header, cells)
        self.print_lines(self.style.MIGRATE_LABEL(first), *others)

    def print_json(self, value: Any) -> None:
        # What JSON does not know - a class, a lazy text - stands there as text.
        self.stdout.write(json.dumps(value, indent=2, default=_text))

    def print_lines(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(line)


def _cells(row: rows.Row) -> tuple[str, ...]:
    return (
        row.name.removeprefix(f"{settings.PACKAGE}."),
        row.queue,
        row.limits,
        row.retries,
        "late" if row.acks_late else "early",
        row.rate_limit or "",
        _text(row.idempotent),
        row.scheduled,
    )


def _option_lines(name: str, value: values.Value, form: str) -> list[tuple[str, str, str]]:
    """Return the lines for one option: one, or on a terminal as many as it has values."""
    several = value.value if value.value and isinstance(value.value, (list, tuple)) else [value.value]
    first, *others = [_text(item) for item in several]
    if form == "markdown":
        return [(name, ", ".join([first, *others]), value.source)]
    return [(name, first, value.source), *[("", other, "") for other in others]]


def _text(value: Any) -> str:
    match value:
        case None | () | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case type():
            return value.__qualname__ if value.__module__ == "builtins" else f"{value.__module__}.{value.__qualname__}"
    return str(value)


def _call(entry: schedules.Entry) -> str:
    return ", ".join([*map(repr, entry.args), *[f"{name}={value!r}" for name, value in entry.kwargs.items()]])


def _pairs(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())
