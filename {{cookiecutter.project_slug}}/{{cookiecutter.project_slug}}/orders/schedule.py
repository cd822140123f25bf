"""What beat sends, and when. Each entry expires before the next is due: a backlog of them helps nobody."""

from datetime import timedelta

from celery.schedules import crontab

TASKS = f"{__package__}.workflows"

SCHEDULE = {
    "resume stalled imports": {
        "task": f"{TASKS}.resume_stalled",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 55},
    },
    "delete expired imports": {
        "task": f"{TASKS}.delete_expired",
        "schedule": crontab(hour="3", minute="30"),
        "options": {"expires": 12 * 60 * 60},
    },
}
