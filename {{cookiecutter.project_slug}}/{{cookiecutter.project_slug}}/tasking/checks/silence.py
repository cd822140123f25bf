"""Say of one task that a check does not hold for it, and why."""

from collections.abc import Callable, Mapping
from inspect import isfunction
from typing import Any

ATTRIBUTE = "silenced_checks"


def no_check[F: Callable[..., Any]](check: str, *, reason: str) -> Callable[[F], F]:
    """Silence a check for a task; the decorator stands beneath the task's own.

        @shared_task(queue=BULK, idempotent=True)
        @no_check("tasking.W024", reason="The scanner needs two seconds between pages.")
        def scan(page_id: int) -> None: ...

    Raises ValueError without a reason, TypeError above the task's decorator.
    """
    if not reason.strip():
        msg = f'no_check("{check}") needs a reason: who reads the task wants to know why.'
        raise ValueError(msg)

    def silence(function: F) -> F:
        if not isfunction(function):
            msg = f'no_check("{check}") belongs beneath the decorator that makes the task, next to the function.'
            raise TypeError(msg)
        setattr(function, ATTRIBUTE, {**silenced(function), check: reason})
        return function

    return silence


def silenced(function: object) -> Mapping[str, str]:
    """Return the checks that do not hold for a task's function, each with the reason."""
    reasons: Mapping[str, str] = getattr(function, ATTRIBUTE, {})
    return reasons
