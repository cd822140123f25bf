"""Sentry: the failure of a task arrives there, with its stack trace and the id that stands in the logs."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.conf import settings

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


class Sentry(HTTPServer):
    """A server that keeps the events which it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Intake)
        self.events: list[Any] = []


class Intake(BaseHTTPRequestHandler):
    server: Sentry

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.events += [event for event in map(json.loads, body.splitlines()) if "exception" in event]
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with Sentry() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_failed_task_reaches_a_human(sentry: Sentry) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SENTRY_DSN": f"http://public@127.0.0.1:{sentry.server_port}/1",
    }
    subprocess.run([sys.executable, "-c", FAILURE], cwd=settings.BASE_DIR, env=environment, check=True)
    (event,) = sentry.events
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("LookupError", "no such shelf")
    assert exception["stacktrace"]["frames"][-1]["function"] == "ship"
    assert event["transaction"] == "ship"
    assert event["tags"]["celery_task_id"] == "an-id"
