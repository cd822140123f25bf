"""The project's settings, with the tasks of one version of a lesson."""

import os

from config.settings.local import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "workshop"]  # noqa: F405

# `workshop.lessons.lesson05.careless`, for example.
CELERY_IMPORTS = [os.environ["LESSON_TASKS"]]

# Careless on purpose: the project's checks would keep such a worker from starting.
SILENCED_SYSTEM_CHECKS = [f"tasking.{kind}{number:03}" for kind in "EW" for number in range(100)]

# On Redis a worker's death is noticed when its messages' visibility timeout is over. A lesson does not wait minutes,
# but longer than the five seconds until a worker notices a lost child: else both would have the task run again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,  # noqa: F405
    "visibility_timeout": 8,
    "unacked_restore_interval": 1,
}
