"""The soft time limit strikes in a task's own code, and until it has struck.

Celery raises it wherever the child process happens to be, and once. Each of these was seen in a test:

- In a `__del__` Python drops it, and Django's models have one: 14 in 100 never reached a task that makes many models.
- While the result is stored, a chord that had sent its body called its errback too.
- While a transaction begins or ends, the connection and Django no longer agree on whether it is in one.

There it waits for a moment. The hard limit waits for nothing.
"""

import signal
import sys
from types import FrameType
from typing import Any

from billiard import pool
from celery import current_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init
from django.db.transaction import Atomic

#: Seconds until it is tried again.
AGAIN_AFTER = 0.01

#: What a task calls and what is not to be left half done.
UNDISTURBED = {Atomic.__enter__.__code__, Atomic.__exit__.__code__}


@worker_process_init.connect
def watch(**_: Any) -> None:
    """Have this child strike as said above. Billiard takes its handler from there right after this."""
    pool.soft_timeout_sighandler = strike
    told = sys.unraisablehook

    def look(dropped: Any) -> None:
        if isinstance(dropped.exc_value, SoftTimeLimitExceeded) and current_task:
            _try_again()
        else:
            told(dropped)

    sys.unraisablehook = look


def strike(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal's number
    """Raise SoftTimeLimitExceeded in the current task if it may be raised in this frame, or else in a moment."""
    if not current_task:
        return
    if _may_strike(frame):
        raise SoftTimeLimitExceeded
    _try_again()


def _may_strike(frame: FrameType | None) -> bool:
    """Return whether the code of the current task is at work in a frame, and may be left there."""
    own = getattr(current_task, "_orig_run", current_task.run)  # what `autoretry_for` has wrapped
    while frame and frame.f_code not in UNDISTURBED:
        if frame.f_code is own.__code__:
            return True
        frame = frame.f_back
    return False


def _try_again() -> None:
    """Strike in a moment, if the same task is still at work then."""
    task_id = current_task.request.id

    def strike_again(signum: int, frame: FrameType | None) -> None:
        if current_task and current_task.request.id == task_id:
            strike(signum, frame)

    # An alarm that the task has set itself is lost with this, and so is what it was set for: the task ends.
    signal.signal(signal.SIGALRM, strike_again)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER)
