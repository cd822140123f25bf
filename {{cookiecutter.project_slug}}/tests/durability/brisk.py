"""Settings for tests of beat and of health: canaries every two seconds, and a tick that the test counts."""

from datetime import timedelta

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT
from {{ cookiecutter.project_slug }}.tasking.schedule import SCHEDULE

from .settings import *  # noqa: F403

#: Seconds from one tick to the next.
SLOT = 2
#: Seconds until a tick expires; from this the task learns when it was sent.
EXPIRES = 600

CELERY_INCLUDE = ["tests.durability.ticking"]
CELERY_BEAT_SCHEDULE = {
    "tick": {
        "task": "tests.durability.ticking.tick",
        "schedule": timedelta(seconds=SLOT),
        "options": {"queue": DEFAULT, "expires": EXPIRES},
    },
    **{name: {**entry, "schedule": timedelta(seconds=SLOT)} for name, entry in SCHEDULE.items()},
}
