"""Logs: to standard output, each line with its task; for a person or, with LOG_FORMAT=json, for a machine."""

from .base import PACKAGE, env

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="text")

HANDLER = {
    "class": "logging.StreamHandler",
    "stream": "ext://sys.stdout",
    "filters": ["task"],
    "formatter": LOG_FORMAT,
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "task": {"()": f"{PACKAGE}.tasking.logging.TaskFilter"},
    },
    "formatters": {
        "text": {"()": f"{PACKAGE}.tasking.logging.TextFormatter"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "{asctime} {levelname} {name} {message}",
            "style": "{",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
    },
    "handlers": {"stdout": HANDLER},
    "root": {"handlers": ["stdout"], "level": LOG_LEVEL},
    "loggers": {
        # The lines of `tasking/task_log.py` stand in place of Celery's own: at a task's arrival, and at its end.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "CRITICAL"},
        # Django's own handlers would print a request's line twice.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
