"""What beat sends, and when."""

from datetime import timedelta

from celery.schedules import crontab

TASKS = f"{__package__}.tasks"

SCHEDULE = {
    "relay the outbox": {
        "task": f"{TASKS}.relay_outbox",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "purge idempotency keys": {
        "task": f"{TASKS}.purge_idempotency_keys",
        "schedule": crontab(hour="4", minute="0"),
        "options": {"expires": 12 * 60 * 60},
    },
}
