"""Settings for tests of the doctor: canaries that come often and are soon late; a clock that is wrong by CLOCK_SKEW."""

import os
import time
from datetime import timedelta

from {{ cookiecutter.project_slug }}.tasking import schedule
from {{ cookiecutter.project_slug }}.tasking.queues import QUEUES

from .settings import *  # noqa: F403

#: From one canary to the next, and how long it may wait. What is older than both together is late.
CANARY_INTERVAL, CANARY_EXPIRES = timedelta(seconds=5), timedelta(seconds=10)

schedule.CANARY_INTERVAL = CANARY_INTERVAL
schedule.CANARY_EXPIRES = dict.fromkeys(QUEUES, CANARY_EXPIRES)
# The schedule in the settings holds these same entries.
for _entry in schedule.CANARIES.values():
    _entry["schedule"] = CANARY_INTERVAL
    _entry["options"] |= {"expires": int(CANARY_EXPIRES.total_seconds())}  # type: ignore[operator]

if _skew := float(os.environ.get("CLOCK_SKEW", "0")):
    _now = time.time
    time.time = lambda: _now() + _skew
