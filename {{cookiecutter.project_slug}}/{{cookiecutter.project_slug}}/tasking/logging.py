"""Every line of a log says which task it belongs to."""

import logging
from typing import Any

from celery import current_task
from celery.signals import setup_logging

from .queues import queue_of

#: The fields a line within a task carries.
TASK_FIELDS = ("task_name", "task_id", "root_id", "queue", "retries")

#: Fields of Celery and Django that say again what the line says, or print an object.
NOISE = ("data", "request", "server_time")

#: What every log record has; anything else was given with `extra=`.
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Celery sets up no logging of its own where this signal has a receiver: Django's LOGGING stands."""


class TaskFilter(logging.Filter):
    """Adds the running task's name, id, root id (of the workflow), queue and retry count to a record; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields. Outside a task the record stays as it is."""
        for name in NOISE:
            vars(record).pop(name, None)
        if current_task:
            request = current_task.request
            record.task_name = current_task.name
            record.task_id = request.id
            record.root_id = request.root_id
            record.queue = queue_of((request.delivery_info or {}).get("routing_key"))
            record.retries = request.retries
        return True


class TextFormatter(logging.Formatter):
    """For a person: time, level, logger and message, then the fields as key=value."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {name}: {message}", datefmt="%H:%M:%S", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the line, before a traceback is added to it."""
        fields = [f"{name}={value}" for name, value in vars(record).items() if name not in STANDARD_FIELDS]
        return "  ".join([super().formatMessage(record), *fields])
