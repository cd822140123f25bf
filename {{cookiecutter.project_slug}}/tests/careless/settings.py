# mypy: ignore-errors
"""Settings with mistakes; the comment at the end of a line says which check names it, and how its message begins."""

from datetime import timedelta

from kombu import Queue

from config.settings.local import *  # noqa: F403
from config.settings.local import CELERY_TASK_QUEUES, INSTALLED_APPS, PROJECT_APPS

INSTALLED_APPS += ["tests.careless"]
PROJECT_APPS += ["tests.careless"]
CELERY_TASK_QUEUES += [Queue("unread")]
CELERY_IMPORTS = ["tests.careless.nearly"]

CELERY_BROKER_WRITE_URL = "sqla+sqlite:///db.sqlite3"  # E001 The broker is neither RabbitMQ nor Redis
CELERY_ACCEPT_CONTENT = ["json", "pickle"]  # E002 pickle is allowed
CELERY_RESULT_SERIALIZER = "yaml"  # E002 yaml is allowed
CELERY_WORKER_PREFETCH_MULTIPLER = 1  # E003 CELERY_WORKER_PREFETCH_MULTIPLER does nothing
CELERYD_MAX_TASKS_PER_CHILD = 100  # E003 CELERYD_MAX_TASKS_PER_CHILD does nothing
CELERY_ALWAYS_EAGER = True  # E003 CELERY_ALWAYS_EAGER does nothing
TASK_ACKS_LATE = True  # E003 TASK_ACKS_LATE does nothing
CELERY_TASK_ALWAYS_EAGER = True  # E004 Tasks run in the process that calls them
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 60  # E007 A worker that is told to end takes 60 s
CELERY_RESULT_BACKEND = None  # E009 There is none, and these tasks keep a result
SENTRY_DSN = "https://sentry.example.com/1"  # E014 It is no DSN

CELERY_BEAT_SCHEDULE = {
    "misspelt": {  # E010 There is no task 'tests.careless.tasks.misspellt'
        "task": "tests.careless.tasks.misspellt",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 50},
    },
    "piles up": {  # W011 It does not expire
        "task": "tests.careless.tasks.misspelt",
        "schedule": timedelta(minutes=1),
    },
    "unread": {  # E020 No worker reads its queue 'unread'
        "task": "tests.careless.tasks.misspelt",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 50, "queue": "unread"},
    },
}
