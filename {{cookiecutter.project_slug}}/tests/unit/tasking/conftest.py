"""A broker in memory, for what needs messages and no worker."""

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from kombu.transport import memory

from {{ cookiecutter.project_slug }}.tasking.topology import declare_queues

from config.celery import app


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connection to the project's broker, which lies in memory for the time of a test and is empty at first."""
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    memory.Channel.queues.clear()
    memory.Transport.global_state.clear()
    with Connection("memory://") as connection:
        declare_queues(app, connection)
        yield connection
