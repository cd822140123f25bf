"""Lines of the log say which task they belong to."""

import json
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from celery.utils.log import get_task_logger

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
    for field in ("order=7", "task_name=ship", "task_id=abc", "retries=0"):
        assert field in line


def test_a_line_for_a_machine(lines: Any, ship: Any) -> None:
    (line,) = [json.loads(line) for line in lines("json", ship) if "shipped" in line]
    assert line["message"] == "shipped"
    assert (line["task_name"], line["task_id"], line["retries"], line["order"]) == ("ship", "abc", 0, 7)
    assert {"time", "level", "logger", "root_id", "queue"} <= line.keys()


def test_a_line_outside_of_a_task_names_none(lines: Any) -> None:
    (line,) = lines("text", lambda: logging.getLogger("test").info("hello"))
    assert line.endswith("test: hello")
