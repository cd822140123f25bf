"""Beat ends when it is told to, even if what it was doing kept that to itself."""

from typing import Any

import pytest

from {{ cookiecutter.project_slug }}.tasking.beat import Scheduler


@pytest.fixture
def scheduler() -> Any:
    """A scheduler that stands by: it has no lock, and no Redis to take one from."""
    return Scheduler.__new__(Scheduler)


def test_once_closed_it_does_nothing_more(scheduler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scheduler.__base__, "close", lambda _: None)
    scheduler.close()
    with pytest.raises(SystemExit):
        scheduler.tick()
    with pytest.raises(SystemExit):
        scheduler.maybe_due(None)


def test_until_then_it_goes_on(scheduler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_take_lock", lambda: False, raising=False)
    monkeypatch.setattr(scheduler, "_rest", lambda _: 5.0, raising=False)
    assert scheduler.tick() == 5.0
