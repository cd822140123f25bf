"""Every line of a log says which task it belongs to."""

import logging
import os
import sys
import warnings
from typing import Any

from celery._state import get_current_task
from celery.exceptions import CDeprecationWarning, CPendingDeprecationWarning
from celery.signals import celeryd_after_setup, setup_logging, worker_process_init

from .queues import queue_of_request
from .request_id import current as current_request_id

#: The fields a line within a task carries.
TASK_FIELDS = ("task_name", "task_id", "root_id", "queue", "attempt", "request_id")

#: Fields of Celery and Django that say again what the line says, or print an object.
NOISE = ("data", "request", "server_time")

#: What every log record has; anything else was given with `extra=`.
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# None of our formats shows the names of process, thread and coroutine: a twelfth of what a line takes.
logging.logProcesses = logging.logMultiprocessing = logging.logThreads = False
logging.logAsyncioTasks = False  # type: ignore[attr-defined]

#: What a terminal understands.
COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[1;31m"}
DIM, PLAIN = "\x1b[2m", "\x1b[0m"


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Celery sets up no logging of its own where this signal has a receiver: Django's LOGGING stands."""


@celeryd_after_setup.connect
@worker_process_init.connect
def ignore_what_is_known(**_: Any) -> None:
    """Leave out two warnings: our router reads the queue in a decorator, and `results.py` calls a chord's errbacks.

    Here, since Celery, as it sets up logging in each process, has all of its own shown.
    """
    warnings.filterwarnings("ignore", "(?s).*The 'queue' task attribute", CDeprecationWarning)
    warnings.filterwarnings("ignore", "task_allow_error_cb_on_chord_header=False", CPendingDeprecationWarning)


class TaskFilter(logging.Filter):
    """Adds to a record the running task's name, id, root id (of the workflow), queue and attempt; drops none.

    And the id of the HTTP request that is at work, or that caused the task.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields. Outside a task the record stays as it is."""
        for name in NOISE:
            vars(record).pop(name, None)
        # Once: through `celery.current_task` each attribute would be a search for the task.
        if task := get_current_task():
            request = task.request
            record.task_name = task.name
            record.task_id = request.id
            record.root_id = request.root_id
            record.queue = queue_of_request(request)
            record.attempt = (request.retries or 0) + 1
        if request_id := current_request_id():
            record.request_id = request_id
        return True


class TextFormatter(logging.Formatter):
    """For a person: time, level, logger and message, then the fields as key=value; on a terminal in colour."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
        self.paints = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the line, before a traceback is added to it."""
        line = super().formatMessage(record)
        fields = "  ".join(f"{name}={value}" for name, value in vars(record).items() if name not in STANDARD_FIELDS)
        if self.paints:
            line = line.replace(record.levelname, f"{COLOURS.get(record.levelno, '')}{record.levelname}{PLAIN}", 1)
            fields = f"{DIM}{fields}{PLAIN}" if fields else ""
        return f"{line}  {fields}" if fields else line

    def format(self, record: logging.LogRecord) -> str:
        """Return the line and the traceback; what is no character, of an exception's text for example, is spelt out."""
        return super().format(record).encode("utf-8", "backslashreplace").decode()
