"""What a signal raises in a child process is raised where it does its work: the soft time limit, and the child's end.

Celery raises each wherever the child happens to be, and once. All of this was seen in a test:

- Python drops what is raised in a `__del__`, and Django's models have one: 14 in 100 soft limits never reached a task
  that makes many models, and some workers that were told to end went on until they were killed.
- While the result is stored, the soft limit had a chord that had sent its body call its errback too.
- While a transaction begins or ends, it left connection and Django disagreeing on whether they were in one.

So what was dropped is raised again, and the soft limit waits where it does harm. The hard limit waits for nothing.
"""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from billiard import pool
from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]
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
    """Have this child do as said above. Billiard takes its handler of the soft limit from there right after this."""
    pool.soft_timeout_sighandler = on_soft_limit
    told = sys.unraisablehook

    def look(dropped: Any) -> None:
        match dropped.exc_value:
            case SoftTimeLimitExceeded() if current_task:
                _try_again()
            case SystemExit() as end if terminate_handler_fired():
                _later(lambda _: sys.exit(end.code))
            case _:
                told(dropped)

    sys.unraisablehook = look


def on_soft_limit(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler gets both
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
    """Have the soft limit strike in a moment, if the same task is still at work then."""
    task_id = current_task.request.id

    def strike(frame: FrameType | None) -> None:
        if current_task and current_task.request.id == task_id:
            on_soft_limit(signal.SIGALRM, frame)

    _later(strike)


def _later(interrupt: Callable[[FrameType | None], None]) -> None:
    """Interrupt this process in a moment.

    An alarm that the task has set itself is lost with this, and so is what it was set for: the task ends.
    """
    signal.signal(signal.SIGALRM, lambda _, frame: interrupt(frame))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER)
