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

#: A worker that has more to tell than it can in a moment, and a child of it, forked right then.
FORK = """
import django; django.setup()
import os, sentry_sdk
from celery.signals import worker_process_init
import config.celery

for number in range(50):
    sentry_sdk.capture_message(f"worker {number}")
child = os.fork()
if not child:
    worker_process_init.send(sender=None)
    sentry_sdk.capture_message("child")
sentry_sdk.flush(timeout=30)
if not child:
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with listening() as server:
        yield server


def run(code: str, sentry: Sentry) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SENTRY_DSN": sentry.dsn,
    }
    subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, check=True)


def test_a_failed_task_reaches_a_human(sentry: Sentry) -> None:
    run(FAILURE, sentry)
    (event,) = sentry.events
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("LookupError", "no such shelf")
    assert exception["stacktrace"]["frames"][-1]["function"] == "ship"
    assert event["transaction"] == "ship"
    assert event["tags"]["celery_task_id"] == "an-id"


def test_a_child_does_not_send_again_what_its_worker_sends(sentry: Sentry) -> None:
    run(FORK, sentry)
    assert sorted(event["message"] for event in sentry.events) == sorted(["child", *(f"worker {n}" for n in range(50))])
