"""Lines of the log say which task they belong to."""

import json
import logging.config
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError
from celery import Celery
from celery.utils.log import get_task_logger

from {{ cookiecutter.project_slug }}.tasking import task_log
from {{ cookiecutter.project_slug }}.tasking.errors import TransientError
from {{ cookiecutter.project_slug }}.tasking.logging import TextFormatter
from {{ cookiecutter.project_slug }}.tasking.task import Task

from config.settings.logging import HANDLER, LOGGING

logger = get_task_logger("test.tasks")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str, Callable[[], Any]], list[str]]]:
    """Return a function that returns the lines printed, in a format of the project's logging, by what it is given."""
    root = logging.getLogger()
    handlers = root.handlers[:]

    def printed(style: str, action: Callable[[], Any]) -> list[str]:
        handler = {**HANDLER, "formatter": style}
        logging.config.dictConfig({**LOGGING, "handlers": {"stdout": handler}})
        action()
        return capsys.readouterr().out.splitlines()

    yield printed
    root.handlers = handlers


@pytest.fixture
def ship() -> Any:
    """A task that logs one line, to be run."""
    app = Celery("test", task_cls=Task, set_as_current=False)

    @app.task(name="ship", shared=False)
    def ship() -> None:
        logger.info("shipped", extra={"order": 7})

    return lambda: ship.apply(task_id="abc")


def test_a_line_for_a_person(lines: Any, ship: Any) -> None:
    (line,) = [line for line in lines("text", ship) if "shipped" in line]
    assert "INFO" in line
    for field in ("order=7", "task_name=ship", "task_id=abc", "attempt=1"):
        assert field in line


def test_a_line_for_a_machine(lines: Any, ship: Any) -> None:
    (line,) = [json.loads(line) for line in lines("json", ship) if "shipped" in line]
    assert line["message"] == "shipped"
    assert (line["task_name"], line["task_id"], line["attempt"], line["order"]) == ("ship", "abc", 1, 7)
    assert {"time", "level", "logger", "root_id", "queue"} <= line.keys()


def ending(lines: Any, style: str, run: Any, **options: Any) -> list[dict[str, Any]]:
    """Return the lines of `task_log` about a task that is run with these options of its decorator."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    task = app.task(run, name="ship", shared=False, max_retries=1, **options)
    printed = lines(style, lambda: task.apply(task_id="abc"))
    found = [json.loads(line) for line in printed]
    return [line for line in found if line["logger"].endswith(".task_log")]


def test_start_and_success_are_a_line_each(lines: Any) -> None:
    def ship() -> None: ...

    start, end = ending(lines, "json", ship)
    assert (start["message"], end["message"]) == ("task started", "task succeeded")
    for line in (start, end):
        assert (line["level"], line["task_name"], line["task_id"], line["attempt"]) == ("INFO", "ship", "abc", 1)
    assert 0 <= end["seconds"] < 1


def test_a_retry_and_the_failure_after_it_are_a_line_each(lines: Any) -> None:
    def fail() -> None:
        raise TransientError("later")

    found = ending(lines, "json", fail)
    assert [(line["message"], line["attempt"]) for line in found] == [
        ("task started", 1),
        ("task retried", 1),
        ("task started", 2),
        ("task failed", 2),
    ]
    _, retried, _, failed = found
    assert (failed["level"], retried["level"]) == ("ERROR", "WARNING")
    assert "TransientError: later" in failed["exc_info"]
    assert retried["reason"] == "TransientError('later')"
    assert retried["when"].startswith(("in ", "now"))


def test_an_expected_failure_is_no_error(lines: Any) -> None:
    def fail() -> None:
        raise KeyError("nobody")

    *_, line = ending(lines, "json", fail, throws=(KeyError,))
    assert (line["level"], line["message"], line["reason"]) == ("INFO", "task failed as expected", "KeyError('nobody')")
    assert "exc_info" not in line


def test_a_task_that_its_worker_stops_is_told_of(lines: Any) -> None:
    """Celery gives no reason when the connection is lost on which the task could be acknowledged."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)

    @app.task(name="ship", shared=False)
    def ship() -> None:
        """Never run."""

    (line,) = map(json.loads, lines("json", lambda: task_log.retried(sender=ship)))
    assert (line["level"], line["message"]) == ("WARNING", "task stopped, the broker delivers it again")


def test_a_lost_child_is_told_of_without_its_traceback(lines: Any) -> None:
    """Celery hands the worker's main process one that is text."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)

    @app.task(name="ship", shared=False)
    def ship() -> None:
        """Never run."""

    def lose() -> None:
        task_log.failed(sender=ship, exception=WorkerLostError("SIGKILL"), traceback="Traceback: ...")

    (line,) = map(json.loads, lines("json", lose))
    assert line["message"] == "task failed"
    assert line["exc_info"].endswith("WorkerLostError: SIGKILL")


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "painted"), [(True, None, True), (True, "1", False), (False, None, False)]
)
def test_a_terminal_is_given_colours(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, no_color: str | None, painted: bool
) -> None:
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: is_terminal))
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    record = logging.makeLogRecord(
        {"name": "shop", "levelname": "ERROR", "levelno": logging.ERROR, "msg": "lost", "n": 7}
    )
    line = TextFormatter().format(record)
    assert ("\x1b[31mERROR\x1b[0m" in line, "\x1b[2mn=7\x1b[0m" in line) == (painted, painted)
    assert re.sub(r"\x1b\[[\d;]*m", "", line).endswith(" ERROR   shop: lost  n=7")


def test_what_is_no_character_is_spelt_out(lines: Any) -> None:
    (line,) = lines("text", lambda: logging.getLogger("test").info("half \udc80"))
    assert line.endswith("half \\udc80")


def test_a_line_outside_of_a_task_names_none(lines: Any) -> None:
    (line,) = lines("text", lambda: logging.getLogger("test").info("hello"))
    assert line.endswith("test: hello")
