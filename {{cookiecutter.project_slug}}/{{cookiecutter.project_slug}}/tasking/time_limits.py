"""A soft time limit that Python swallows strikes again.

Python drops what is raised in a `__del__`, and Django's models have one: of the soft limits of a task that made a
thousand models at a time, 14 in 100 never reached it. Celery raises it once; such a task ran on to its hard limit.
"""

import signal
import sys
from typing import Any

from celery import current_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init

#: Seconds after which it strikes again: not at once, which would be within the same `__del__`.
AGAIN_AFTER = 0.01


@worker_process_init.connect
def watch(**_: Any) -> None:
    """Have this child look at what Python drops."""
    told = sys.unraisablehook

    def look(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, SoftTimeLimitExceeded) and current_task:
            _strike_again(current_task.request.id)
        else:
            told(unraisable)

    sys.unraisablehook = look


def _strike_again(task_id: str | None) -> None:
    """Raise the soft limit in a moment, if the task is still at work."""

    def strike(*_: Any) -> None:
        if current_task and current_task.request.id == task_id:
            raise SoftTimeLimitExceeded

    # An alarm that the task has set itself is lost with this, and so is what it was set for: the task ends.
    signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER)
