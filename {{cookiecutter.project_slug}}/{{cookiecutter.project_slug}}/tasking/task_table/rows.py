"""Every task as a row, and how one is found by its name."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from celery import Celery, Task

from .. import registry
from . import schedules, values


class UnknownTaskError(LookupError):
    """No task has this name, or several do; the message names those that may be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A task. Times are in seconds; None where there is no limit, no retry limit, no statement."""

    name: str
    queue: str
    soft_time_limit: float | None
    time_limit: float | None
    max_retries: int | None
    #: What an automatic retry waits: up to this, doubled with each one, up to the maximum; without jitter, just that.
    #: None if the wait is always `default_retry_delay`.
    retry_backoff: int | None
    retry_backoff_max: int
    retry_jitter: bool
    default_retry_delay: float
    acks_late: bool
    rate_limit: str | None
    idempotent: bool | None
    schedule: list[schedules.Entry]

    @property
    def limits(self) -> str:
        """Return the soft and the hard time limit."""
        soft, hard = ("none" if limit is None else f"{limit:g}" for limit in (self.soft_time_limit, self.time_limit))
        return f"{soft} / {hard}" + (" s" if self.time_limit or self.soft_time_limit else "")

    @property
    def retries(self) -> str:
        """Return the number of retries and the wait before the first and before a late one."""
        if self.max_retries == 0:
            return "0"
        number = "endless" if self.max_retries is None else str(self.max_retries)
        if self.retry_backoff is None:
            return f"{number}, {self.default_retry_delay:g} s"
        return f"{number}, {self.retry_backoff}..{self.retry_backoff_max} s{'' if self.retry_jitter else ' fixed'}"

    @property
    def scheduled(self) -> str:
        """Return when it is sent, entries that say the same counted."""
        counts = Counter(entry.when for entry in self.schedule)
        return ", ".join(f"{when} x{count}" if count > 1 else when for when, count in counts.items())


def row(task: Task[..., Any]) -> Row:
    """Return what stands in a task's row."""
    known = {name: found.value for name, found in values.values(task).items()}
    backoff = known["retry_backoff"] if known["autoretry_for"] else None
    return Row(
        name=task.name,
        retry_backoff=max(1, int(backoff)) if backoff else None,
        schedule=schedules.entries(task.app, task.name),
        **{name: known[name] for name in known if name in Row.__annotations__ and name != "retry_backoff"},
    )


def find(app: Celery, name: str) -> Task[..., Any]:
    """Return the task of this name, or the one whose name ends so; one of the project before others.

    Raises UnknownTaskError.
    """
    for foreign in (False, True):
        known: dict[str, Task[..., Any]] = {task.name: task for task in registry.tasks(app, foreign=foreign)}
        found = [name] if name in known else [full for full in known if full.endswith(f".{name}")]
        if len(found) == 1:
            return known[found[0]]
        if found:
            msg = f"{name} may be any of: {', '.join(found)}"
            raise UnknownTaskError(msg)
    msg = f"There is no task {name}."
    if nearest := _nearest(name, known):
        msg += f" Did you mean {' or '.join(nearest)}?"
    raise UnknownTaskError(msg)


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that are like this one, whole or from any dot on."""
    tails = {".".join(full.split(".")[start:]): full for full in names for start in range(full.count(".") + 1)}
    return [*dict.fromkeys(tails[tail] for tail in get_close_matches(name, tails))]
