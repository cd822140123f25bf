"""Settings for a test: a chunk whose process was lost is tried again twice, a second later."""

from config.settings.local import *  # noqa: F403
from config.settings.local import CELERY_TASK_ANNOTATIONS, PACKAGE

RETRIES = {"max_retries": 2, "default_retry_delay": 1, "retry_backoff": 1, "retry_backoff_max": 1}
LIMITS = {"soft_time_limit": 60, "time_limit": 90}
CELERY_TASK_ANNOTATIONS = [{f"{PACKAGE}.orders.tasks.import_chunk": RETRIES | LIMITS}, *CELERY_TASK_ANNOTATIONS]
