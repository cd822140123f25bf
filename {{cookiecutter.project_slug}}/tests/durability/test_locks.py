"""One at a time, on a real Redis."""

from typing import Any

import pytest

from {{ cookiecutter.project_slug }}.tasking.errors import TransientError
from {{ cookiecutter.project_slug }}.tasking.locks import one_at_a_time

from sandbox.brokers import Redis, wait_until

pytestmark = pytest.mark.broker


@pytest.fixture(autouse=True)
def on_a_redis(redis_server: Redis, settings: Any) -> None:
    """The locks lie in this Redis."""
    settings.REDBEAT = {**settings.REDBEAT, "redbeat_redis_url": redis_server.url}


def free(name: str) -> bool:
    """Take a lock and give it back; return whether that was possible."""
    try:
        with one_at_a_time(name, timeout=10):
            return True
    except TransientError:
        return False


def test_a_second_task_is_told_to_come_back() -> None:
    with one_at_a_time("stock", timeout=10):
        assert not free("stock")
        assert free("prices")
    assert free("stock")


def test_a_failure_gives_the_lock_back() -> None:
    with pytest.raises(ValueError, match="broken"), one_at_a_time("stock", timeout=10):
        raise ValueError("broken")
    assert free("stock")


def test_a_lock_that_was_outlived_is_nobody_elses_to_give_back() -> None:
    with one_at_a_time("stock", timeout=0.1):
        wait_until(lambda: free("stock"), 10)
    assert free("stock")
