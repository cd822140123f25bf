"""Settings for a test: the import of a chunk has two seconds."""

from config.settings.local import *  # noqa: F403
from config.settings.local import CELERY_TASK_ANNOTATIONS, PACKAGE

LIMITS = {"soft_time_limit": 2, "time_limit": 60}
CELERY_TASK_ANNOTATIONS = [{f"{PACKAGE}.orders.tasks.import_chunk": LIMITS}, *CELERY_TASK_ANNOTATIONS]
