"""What a signal raises in a child: where it strikes, and where it waits."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from billiard import common, pool
from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from {{ cookiecutter.project_slug }}.tasking import interrupts


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException | None]]:
    """Have this process be a worker's child, and return what is told of what Python drops."""
    told: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_value))
    monkeypatch.setattr(pool, "soft_timeout_sighandler", pool.soft_timeout_sighandler)
    before = {number: signal.getsignal(number) for number in (signal.SIGALRM, pool.SIG_SOFT_TIMEOUT)}
    interrupts.watch()
    signal.signal(pool.SIG_SOFT_TIMEOUT, pool.soft_timeout_sighandler)
    yield told
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of what was put off, which grows each time."""
    tries: list[Any] = []
    put_off = interrupts._later

    def later(interrupt: Any) -> None:
        tries.append(interrupt)
        put_off(interrupt)

    monkeypatch.setattr(interrupts, "_later", later)
    return tries


def run(body: Callable[[], None], **options: Any) -> None:
    """Run a body as a task of its own, here and now."""
    app: Any = Celery("test", set_as_current=False)
    app.task(body, name="test", shared=False, **options).apply(throw=True)


def exceed() -> None:
    """Do what the worker does at the soft limit."""
    signal.raise_signal(pool.SIG_SOFT_TIMEOUT)


def wait_for_the_alarm() -> None:
    """Return when none is set any more."""
    while signal.getitimer(signal.ITIMER_REAL)[0]:
        time.sleep(0.001)


def wait_for_another(tries: list[Any]) -> None:
    """Return when something has been put off a second time."""
    while len(tries) < 2:
        time.sleep(0.001)


class Struck:
    """An object in whose `__del__` something happens."""

    def __init__(self, what: Callable[[], None]) -> None:
        self.what = what

    def __del__(self) -> None:
        self.what()


@pytest.mark.parametrize("options", [{}, {"autoretry_for": (OSError,)}])
def test_it_strikes_in_a_task(options: dict[str, Any]) -> None:
    def body() -> None:
        with pytest.raises(SoftTimeLimitExceeded):
            exceed()

    run(body, **options)


def test_what_python_drops_strikes_again(told: list[BaseException]) -> None:
    def body() -> None:
        Struck(exceed)
        with pytest.raises(SoftTimeLimitExceeded):
            wait_for_the_alarm()

    run(body)
    assert not told


def test_an_end_that_python_drops_is_one(monkeypatch: pytest.MonkeyPatch, told: list[BaseException]) -> None:
    monkeypatch.setattr(common, "_should_have_exited", [True])

    def end() -> None:
        sys.exit(-241)

    Struck(end)
    with pytest.raises(SystemExit, match="-241"):
        wait_for_the_alarm()
    assert not told


def test_an_exit_that_nobody_asked_for_is_told(told: list[BaseException]) -> None:
    Struck(sys.exit)
    assert [type(error) for error in told] == [SystemExit]
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_anything_else_that_python_drops_is_told(told: list[BaseException]) -> None:
    def fail() -> None:
        raise LookupError

    def body() -> None:
        Struck(fail)

    run(body)
    assert [type(error) for error in told] == [LookupError]
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_the_end_of_a_transaction(tries: list[Any]) -> None:
    done = []

    def commit() -> None:
        exceed()
        wait_for_another(tries)
        done.append("commit")

    def write() -> None:
        with transaction.atomic():
            transaction.on_commit(commit)
        wait_for_the_alarm()

    def body() -> None:
        with pytest.raises(SoftTimeLimitExceeded):
            write()

    run(body)
    assert done == ["commit"]


def test_it_strikes_no_more_when_the_work_is_done(tries: list[Any]) -> None:
    class Storing(Task[..., Any]):
        """A task whose limit is reached while its result is stored."""

        def on_success(self, *_: Any) -> None:
            exceed()
            wait_for_another(tries)

    def body() -> None:
        """Nothing to do."""

    run(body, base=Storing)
    run(wait_for_the_alarm)  # nor does it strike the next task
