"""Sentry: the failure of a task arrives there, with its stack trace and the id that stands in the logs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.sentry import Sentry, listening

#: A process that executes a task as a worker does.
FAILURE = """
import django; django.setup()
import sentry_sdk
from celery.app.trace import trace_task
from config.celery import app

@app.task(name="ship", shared=False, keep_dead_letter=False)
def ship():
    raise LookupError("no such shelf")

app.finalize()
trace_task(app.tasks["ship"], "an-id", [], {}, request={"id": "an-id"}, app=app)
sentry_sdk.flush()
"""


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with listening() as server:
        yield server


def test_a_failed_task_reaches_a_human(sentry: Sentry) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SENTRY_DSN": sentry.dsn,
    }
    subprocess.run([sys.executable, "-c", FAILURE], cwd=settings.BASE_DIR, env=environment, check=True)
    (event,) = sentry.events
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("LookupError", "no such shelf")
    assert exception["stacktrace"]["frames"][-1]["function"] == "ship"
    assert event["transaction"] == "ship"
    assert event["tags"]["celery_task_id"] == "an-id"
