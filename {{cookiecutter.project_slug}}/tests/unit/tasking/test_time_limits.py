"""A soft time limit that Python swallows."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

from {{ cookiecutter.project_slug }}.tasking import time_limits


class Struck:
    """An object in whose `__del__` something is raised."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException | None]]:
    """Have this process look as a worker's child does, and return what is told of what Python drops."""
    told: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_value))
    alarm = signal.getsignal(signal.SIGALRM)
    time_limits.watch()
    yield told
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, alarm)


def run(body: Callable[[], None]) -> None:
    """Run a body as a task of its own, here and now."""
    app: Any = Celery("test", set_as_current=False)
    app.task(body, name=body.__name__, shared=False).apply(throw=True)


def wait_for_the_alarm() -> None:
    """Return when it has gone off."""
    while signal.getitimer(signal.ITIMER_REAL)[0]:
        time.sleep(0.001)


def test_it_strikes_again(told: list[BaseException]) -> None:
    def swallow() -> None:
        Struck(SoftTimeLimitExceeded())
        with pytest.raises(SoftTimeLimitExceeded):
            wait_for_the_alarm()

    run(swallow)
    assert not told


def test_it_strikes_no_other_task(told: list[BaseException]) -> None:
    def swallow() -> None:
        Struck(SoftTimeLimitExceeded())
        run(wait_for_the_alarm)

    run(swallow)
    assert not told


def test_anything_else_is_told_as_before(told: list[BaseException]) -> None:
    error = LookupError("a bug")

    def fail_quietly() -> None:
        Struck(error)

    run(fail_quietly)
    assert told == [error]
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
