"""What beat sends for the project's own upkeep, and when. Each entry expires: a backlog of them helps nobody."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from celery.schedules import crontab

from .queues import QUEUES

TASKS = f"{__package__}.tasks"

#: How often a canary is sent to each queue.
CANARY_INTERVAL = timedelta(minutes=1)

#: After this a canary is dropped unread. A queue behind two of its longest tasks is busy; longer than that, it is late.
CANARY_EXPIRES: Mapping[str, timedelta] = MappingProxyType(
    {name: max(timedelta(seconds=2 * policy.time_limit), CANARY_INTERVAL) for name, policy in QUEUES.items()}
)

CANARIES = {
    f"canary of {queue}": {
        "task": f"{TASKS}.canary",
        "schedule": CANARY_INTERVAL,
        "args": [queue],
        "options": {"queue": queue, "expires": int(CANARY_EXPIRES[queue].total_seconds())},
    }
    for queue in QUEUES
}

SCHEDULE: dict[str, dict[str, Any]] = {
    **CANARIES,
    "relay the outbox": {
        "task": f"{TASKS}.relay_outbox",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "collect the dead letters": {
        "task": f"{TASKS}.collect_dead_letters",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "purge": {
        "task": f"{TASKS}.purge",
        "schedule": crontab(hour="4", minute="0"),
        "options": {"expires": 12 * 60 * 60},
    },
}
