"""`manage.py tasks`: every task in a row, one in full, and who said what of it."""

import inspect
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.schedules import crontab, schedule
from django.conf import settings
from django.core.management import CommandError, call_command

from {{ cookiecutter.project_slug }}.tasking import tasks
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL, DEFAULT, QUEUES
from {{ cookiecutter.project_slug }}.tasking.schedule import SCHEDULE
from {{ cookiecutter.project_slug }}.tasking.task import Task
from {{ cookiecutter.project_slug }}.tasking.task_table import definition, layout, rows, schedules, values

from config.celery import app as project_app

# Celery imports the tasks after Django's checks, which may look at the database.
pytestmark = pytest.mark.django_db

UPKEEP = f"{settings.PACKAGE}.tasking.tasks"
POLICY = QUEUES[DEFAULT]


def told(*arguments: str) -> str:
    """Return what the command prints into a pipe."""
    out = StringIO()
    call_command("tasks", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def app() -> Any:
    """An app of its own with the project's settings, whose tasks are not the project's."""
    app = Celery("test", task_cls=Task, set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    return app


def work(count: int, *names: str, greeting: str = "hello", **others: Any) -> None:
    """Work."""


def row(app: Any, **options: Any) -> rows.Row:
    """Return the row of a task with these options."""
    return rows.row(app.task(work, shared=False, **{"name": "one", **options}))


# --- The rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("queue", QUEUES)
def test_a_row_says_what_the_queue_gives(app: Any, queue: str) -> None:
    policy, found = QUEUES[queue], row(app, queue=queue, rate_limit="10/s", idempotent=True)
    assert (found.name, found.queue, found.rate_limit) == ("one", queue, "10/s")
    assert found.acks_late
    assert found.idempotent
    assert found.limits == f"{policy.soft_time_limit} / {policy.time_limit} s"
    assert found.retries == f"{policy.max_retries}, {policy.retry_backoff}..{policy.retry_backoff_max} s"
    assert found.schedule == []


@pytest.mark.parametrize(
    ("options", "retries"),
    [
        ({"max_retries": 0}, "0"),
        ({"max_retries": None}, "endless, 3..600 s"),
        ({}, "7, 3..600 s"),
        ({"retry_jitter": False}, "7, 3..600 s fixed"),
        ({"retry_backoff": True}, "7, 1..600 s"),
        ({"retry_backoff": False, "default_retry_delay": 180}, "7, 180 s"),
        ({"autoretry_for": (), "default_retry_delay": 2.5}, "7, 2.5 s"),
    ],
)
def test_the_retries_of_a_task(app: Any, options: dict[str, Any], retries: str) -> None:
    assert row(app, **{"max_retries": 7, "retry_backoff": 3, "retry_backoff_max": 600, **options}).retries == retries


def test_the_limits_of_a_task_whose_queue_is_not_in_the_table(app: Any) -> None:
    """Such a queue gives no limits, and publishing to it is refused; the row stands all the same."""
    found = row(app, queue="urgent")
    assert (found.queue, found.limits) == ("urgent", "none / none")


def test_a_task_with_one_limit_of_its_own(app: Any) -> None:
    assert row(app, queue="urgent", time_limit=9).limits == "none / 9 s"
    assert row(app, name="two", queue=BULK, time_limit=130).limits == f"{QUEUES[BULK].soft_time_limit} / 130 s"


def test_an_early_acknowledgement_and_a_silence_about_idempotency(app: Any) -> None:
    found = row(app, acks_late=False)
    assert not found.acks_late
    assert found.idempotent is None


def test_every_entry_of_the_schedule_that_sends_it_is_told(app: Any) -> None:
    app.conf.beat_schedule = {
        "a": {"task": "one", "schedule": timedelta(minutes=1)},
        "b": {"task": "two", "schedule": timedelta(hours=1)},
        "c": {"task": "one", "schedule": crontab(hour="3", minute="30"), "options": {"expires": timedelta(hours=1)}},
        "d": {"task": "one", "schedule": 60, "args": (1, 2), "kwargs": {"greeting": "hi"}, "options": {"queue": BULK}},
    }
    found = row(app)
    assert found.scheduled == "every 1 min x2, daily 03:30"
    assert [(entry.name, entry.every, entry.cron) for entry in found.schedule] == [
        ("a", 60, None),
        ("c", None, "30 3 * * *"),
        ("d", 60, None),
    ]
    assert found.schedule[1].options == {"expires": 3600}
    assert (found.schedule[2].args, found.schedule[2].kwargs) == ([1, 2], {"greeting": "hi"})


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (schedule(10), "every 10 s"),
        (schedule(0.5), "every 0.5 s"),
        (schedule(90), "every 90 s"),
        (schedule(timedelta(hours=2)), "every 2 h"),
        (schedule(timedelta(days=7)), "every 7 day"),
        (crontab(), "every 1 min"),
        (crontab(minute="*/15"), "every 15 min"),
        (crontab(minute="*/7"), "cron */7 * * * *"),
        (crontab(minute=5), "hourly :05"),
        (crontab(minute=0, hour=4), "daily 04:00"),
        (crontab(minute=0, hour=4, day_of_week="mon"), "mon 04:00"),
        (crontab(minute=30, hour=4, day_of_week="1-5"), "mon-fri 04:30"),
        (crontab(minute=30, hour=4, day_of_week=[6, 0]), "sun,sat 04:30"),
        (crontab(minute=0, hour=4, day_of_month=1), "monthly, day 1, 04:00"),
        (crontab(minute=0, hour=4, day_of_month="1-7", day_of_week="mon"), "cron 0 4 1-7 * mon"),
        (crontab(minute=[30, 0], hour="*/2", month_of_year="6"), "cron 0,30 */2 * 6 *"),
    ],
)
def test_a_schedule_in_words(times: Any, words: str) -> None:
    assert schedules.words(times) == words


def test_a_schedule_of_another_kind_says_itself() -> None:
    class Tides(schedule):
        def __repr__(self) -> str:
            return "<tides: Dover>"

    assert schedules.words(Tides(1)) == "tides: Dover"


# --- The table --------------------------------------------------------------------------------------------------------


def test_the_tasks_of_the_project_are_listed_and_no_others() -> None:
    listed = {found["name"] for found in json.loads(told("--format", "json"))}
    assert {f"{UPKEEP}.{name}" for name in ("canary", "relay_outbox", "collect_dead_letters", "purge")} <= listed
    assert all(name.startswith(f"{settings.PACKAGE}.") for name in listed)
    every = {found["name"] for found in json.loads(told("--format", "json", "--all"))}
    assert listed | {"celery.chord"} <= every
    assert every == set(project_app.tasks)


def test_json_has_stable_keys_and_seconds() -> None:
    found = {entry["name"]: entry for entry in json.loads(told("--format", "json"))}[f"{UPKEEP}.canary"]
    canaries = [
        {
            "name": name,
            "when": "every 1 min",
            "every": 60,
            "cron": None,
            "args": entry["args"],
            "kwargs": {},
            "options": entry["options"],
        }
        for name, entry in SCHEDULE.items()
        if name.startswith("canary of ")
    ]
    assert found == {
        "name": f"{UPKEEP}.canary",
        "queue": DEFAULT,
        "soft_time_limit": POLICY.soft_time_limit,
        "time_limit": POLICY.time_limit,
        "max_retries": 0,
        "retry_backoff": POLICY.retry_backoff,
        "retry_backoff_max": POLICY.retry_backoff_max,
        "retry_jitter": True,
        "default_retry_delay": POLICY.retry_backoff,
        "acks_late": True,
        "rate_limit": None,
        "idempotent": True,
        "schedule": canaries,
    }


COLUMNS = ["task", "queue", "soft / hard", "retries, wait", "ack", "rate", "idempotent", "schedule"]
LIMITS = f"{POLICY.soft_time_limit} / {POLICY.time_limit} s"
RETRIES = f"{POLICY.max_retries}, {POLICY.retry_backoff}..{POLICY.retry_backoff_max} s"
PURGE = ["tasking.tasks.purge", DEFAULT, LIMITS, RETRIES, "late", "", "yes", "daily 04:00"]


def cells_of_markdown(line: str) -> list[str]:
    return [cell.strip().replace("\\*", "*").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_is_a_table() -> None:
    header, rule, *lines = map(cells_of_markdown, told("--format", "markdown").splitlines())
    assert header == COLUMNS
    assert rule == ["---"] * len(COLUMNS)
    assert PURGE in lines
    assert {len(line) for line in lines} == {len(COLUMNS)}


def test_what_markdown_takes_for_a_sign_is_escaped() -> None:
    assert layout.markdown(("a", "b"), [("0 4 * * *", "x | y")])[-1] == r"| 0 4 \* \* \* | x \| y |"


def aligned_cells(lines: list[str]) -> list[list[str]]:
    """Return the cells of an aligned table, by the places at which the columns of its header begin."""
    starts = [lines[0].index(column) for column in COLUMNS]
    return [[line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)] for line in lines]


def test_a_pipe_gets_the_table_as_plain_text() -> None:
    header, *lines = aligned_cells(told().splitlines())
    assert header == COLUMNS
    assert PURGE in lines
    assert len(lines) == len(json.loads(told("--format", "json")))


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Return what the command prints on a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "manage.py", "tasks", *arguments]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test", **environment}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 4096):
            said += chunk
    except OSError:  # Linux: the other end is closed
        pass
    finally:
        os.close(ours)
    assert process.wait() == 0, said
    return said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_a_table_that_fits_without_a_broker() -> None:
    said = on_a_terminal(CELERY_BROKER_URL="redis://127.0.0.1:1")
    header, *rest = said.splitlines()
    assert header.startswith("\x1b[")
    plain = [re.sub(r"\x1b\[[\d;]*m", "", header), *rest]
    *table, blank, note = plain
    assert blank == ""
    assert note.startswith(f"{len(table) - 1} tasks; --task NAME shows one in full")
    assert PURGE in aligned_cells(table)
    assert all(len(line) <= 120 for line in plain)
    assert table == told().splitlines()


# --- One in full ------------------------------------------------------------------------------------------------------


def test_what_the_decorator_says(app: Any) -> None:
    options = {
        "queue": BULK,
        "soft_time_limit": 3,
        "time_limit": 4,
        "max_retries": None,
        "retry_backoff": 1,
        "autoretry_for": (KeyError,),
        "acks_late": False,
        "retry_on_worker_lost": False,
        "idempotent": True,
        # As the setting has it: that it is said is told all the same.
        "ignore_result": settings.CELERY_TASK_IGNORE_RESULT,
        "rate_limit": "1/s",
    }
    task = app.task(work, name="one", shared=False, **options)
    found = values.values(task)
    assert {name: value.value for name, value in found.items() if value.source == "decorator"} == options


@pytest.mark.parametrize("queue", [CRITICAL, BULK, None])
def test_what_the_queue_says(app: Any, queue: str | None) -> None:
    # None in a decorator says nothing of a limit.
    task = app.task(work, name="one", shared=False, time_limit=None, **({"queue": queue} if queue else {}))
    found = values.values(task)
    policy = QUEUES[queue or DEFAULT]
    assert {name: value.value for name, value in found.items() if value.source == f"queue {queue or DEFAULT}"} == {
        "soft_time_limit": policy.soft_time_limit,
        "time_limit": policy.time_limit,
        "max_retries": policy.max_retries,
        "retry_backoff": policy.retry_backoff,
        "retry_backoff_max": policy.retry_backoff_max,
        "default_retry_delay": policy.retry_backoff,
    }


def test_what_a_base_class_says(app: Any) -> None:
    class Patient(Task[..., Any]):
        abstract = True
        max_retries = 50
        rate_limit = "3/m"

    task = app.task(work, name="one", shared=False, base=Patient)
    found = values.values(task)
    assert found["max_retries"] == values.Value(50, "base class Patient")
    assert found["rate_limit"] == values.Value("3/m", "base class Patient")
    assert found["acks_late"] == values.Value(True, "base class Task")
    assert found["idempotent"] == values.Value(None, "base class Task")
    assert values.values(tasks.canary)["keep_dead_letter"] == values.Value(False, "base class Upkeep")


def test_what_a_setting_says(app: Any) -> None:
    found = values.values(app.task(work, name="one", shared=False))
    assert found["ignore_result"] == values.Value(True, "setting CELERY_TASK_IGNORE_RESULT")
    assert found["acks_on_timeout"] == values.Value(True, "setting CELERY_TASK_ACKS_ON_TIMEOUT")
    assert found["queue"] == values.Value(DEFAULT, "setting CELERY_TASK_DEFAULT_QUEUE")


def test_what_celery_says(app: Any) -> None:
    found = values.values(app.task(work, name="one", shared=False))
    assert found["rate_limit"] == values.Value(None, "Celery's default")
    assert found["throws"] == values.Value((), "Celery's default")


def test_what_follows_from_an_early_acknowledgement(app: Any) -> None:
    found = values.values(app.task(work, name="one", shared=False, acks_late=False))
    assert found["retry_on_worker_lost"] == values.Value(False, "follows from acks_late=False")


def test_what_an_annotation_of_the_settings_says(app: Any) -> None:
    app.conf.task_annotations = [*app.conf.task_annotations, {"*": {"rate_limit": "5/s", "time_limit": 99}}]
    found = values.values(app.task(work, name="one", shared=False, rate_limit="9/s"))
    assert found["rate_limit"] == values.Value("5/s", "setting CELERY_TASK_ANNOTATIONS")
    assert found["time_limit"] == values.Value(99, "setting CELERY_TASK_ANNOTATIONS")


def test_what_a_route_says(app: Any) -> None:
    app.conf.task_routes = [{"one": {"queue": BULK}}, *app.conf.task_routes]
    routed = values.Value(BULK, "setting CELERY_TASK_ROUTES")
    assert values.queue(app.task(work, name="one", shared=False, queue=CRITICAL)) == routed


def test_what_two_settings_fall_back_on(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app.conf.task_acks_on_failure = None
    found = values.values(app.task(work, name="one", shared=False))
    assert found["acks_on_failure"] == values.Value(True, "Celery's default")
    monkeypatch.setattr(settings, "CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT", False, raising=False)
    app.conf.task_acks_on_failure_or_timeout = False
    found = values.values(app.task(work, name="two", shared=False))
    assert found["acks_on_failure"] == values.Value(False, "setting CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT")


def test_what_the_class_of_a_task_says(app: Any) -> None:
    """A task may be a class instead of a decorated function."""

    class Sweep(Task[..., Any]):
        name = "sweep"
        rate_limit = "2/s"

        def run(self, count: int) -> None:
            """Sweep."""

    task = app.register_task(Sweep())
    assert values.values(task)["rate_limit"] == values.Value("2/s", "class Sweep")
    assert definition.of(task).call == "sweep(count: int) -> None"


@pytest.mark.parametrize("bind", [True, False])
def test_a_definition_tells_how_a_task_is_called(app: Any, bind: bool) -> None:
    def bound(self: Any, count: int, *names: str, greeting: str = "hello", **others: Any) -> None:
        """Work."""

    function: Callable[..., None] = bound if bind else work
    found = definition.of(app.task(function, name="a.b.one", shared=False, bind=bind))
    assert found.call == "one(count: int, *names: str, greeting: str = 'hello', **others: Any) -> None"
    assert found.arguments == [
        definition.Argument("count", "int", None),
        definition.Argument("*names", "str", None),
        definition.Argument("greeting", "str", "'hello'"),
        definition.Argument("**others", "Any", None),
    ]
    assert found.file == str(Path(__file__).relative_to(settings.BASE_DIR))
    assert found.line == inspect.getsourcelines(function)[1]
    assert found.doc == "Work."


def test_one_in_full_for_a_person() -> None:
    said = told("--task", "canary")
    function: Any = tasks.canary._decorated_fun  # type: ignore[attr-defined]
    assert said.startswith(f"{UPKEEP}.canary\n\ncanary(queue: str) -> None\n\nSay that a message gets through")
    assert f"{settings.PACKAGE}/tasking/tasks.py:{inspect.getsourcelines(function)[1]}\n" in said
    expires = SCHEDULE[f"canary of {BULK}"]["options"]["expires"]
    lines = [re.split(r" {2,}", line) for line in said.splitlines()]
    assert ["queue", DEFAULT, "decorator"] in lines
    assert ["time_limit", str(POLICY.time_limit), f"queue {DEFAULT}"] in lines
    assert ["max_retries", "0", "base class Upkeep"] in lines
    assert ["", "ConnectionError"] in lines
    assert [f"canary of {BULK}", "every 1 min", f"{BULK!r}", f"queue={BULK}, expires={expires}"] in lines
    assert ["concurrency", str(POLICY.concurrency)] in lines


def test_one_in_full_that_nobody_schedules() -> None:
    assert "\nNot in the schedule.\n" in told("--task", "tasking.tasks.finish_chord")


def test_one_in_full_for_a_program() -> None:
    found = json.loads(told("--task", "canary", "--format", "json"))
    assert (found["name"], found["file"]) == (f"{UPKEEP}.canary", f"{settings.PACKAGE}/tasking/tasks.py")
    assert found["arguments"] == [{"name": "queue", "annotation": "str", "default": None}]
    assert list(found["options"]) == list(values.OPTIONS)
    assert found["options"]["max_retries"] == {"value": 0, "source": "base class Upkeep"}
    assert "ConnectionError" in found["options"]["autoretry_for"]["value"]
    assert len(found["schedule"]) == len(QUEUES)
    assert found["policy"]["prefetch_multiplier"] == POLICY.prefetch_multiplier


def test_one_in_full_as_markdown() -> None:
    heading, _, call, *rest = told("--task", "canary", "--format", "markdown").splitlines()
    assert (heading, call) == (f"### {UPKEEP}.canary", "`canary(queue: str) -> None`")
    assert f"| time_limit | {POLICY.time_limit} | queue {DEFAULT} |" in rest
    (errors,) = (cells_of_markdown(line) for line in rest if line.startswith("| autoretry_for |"))
    assert {"ConnectionError", "TimeoutError"} < set(errors[1].split(", "))


@pytest.mark.parametrize("name", [f"{UPKEEP}.canary", "tasking.tasks.canary", "tasks.canary", "canary"])
def test_a_name_or_its_tail_will_do(name: str) -> None:
    assert rows.find(project_app, name).name == f"{UPKEEP}.canary"


def test_the_tail_of_a_task_that_is_not_the_projects_will_do() -> None:
    assert rows.find(project_app, "chord_unlock").name == "celery.chord_unlock"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("canari", rf"There is no task canari\. Did you mean .*{UPKEEP}\.canary"),
        ("tasking.tasks.relay_outbok", rf"Did you mean {UPKEEP}\.relay_outbox"),
        ("nary", r"There is no task nary\."),
        ("", r"There is no task \."),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        told("--task", name)


def test_a_tail_of_several_is_refused_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = f"{settings.PACKAGE}.other.canary"
    project_app.loader.import_default_modules()
    monkeypatch.setitem(project_app.tasks, twin, type("Twin", (Task,), {"name": twin, "__module__": UPKEEP})())
    with pytest.raises(CommandError, match=rf"canary may be any of: {twin}, {UPKEEP}\.canary$"):
        told("--task", "canary")
    assert f"\n{settings.PACKAGE}.other.canary" not in told("--task", "tasks.canary")
