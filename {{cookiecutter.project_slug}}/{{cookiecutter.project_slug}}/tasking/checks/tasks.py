"""Checks of each task: what its decorator says, and what its code does."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from celery import Celery, Task
from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from ..queues import DEFAULT, QUEUES
from ..registry import file_of, function_of, line_of, relative
from .annotations import unsendable
from .chords import chord_parts
from .limits import longest_wait
from .silence import silenced
from .source import Source, bare_retries, sleeps, source_of, state_on_self, waits

#: Seconds that a task may sleep.
LONGEST_SLEEP = 1


class Finding(NamedTuple):
    """What is wrong, what to write instead, and the file and line if they are not those of the task."""

    text: str
    hint: str
    line: int | None = None
    path: str | None = None


type Check = Callable[["Subject"], Iterator[Finding]]


@dataclass(frozen=True)
class Subject:
    """A task, and what is to be known to judge it."""

    task: Any
    app: Celery
    #: Path and line of the chords that count it.
    chords: list[tuple[str, int]]

    def in_source[T](self, look: Callable[[Source], Iterator[T]]) -> Iterator[T]:
        """Yield what is found in its source; nothing where there is none."""
        if source := source_of(self.task):
            yield from look(source)


def check_tasks(app: Celery, tasks: Iterable[Any]) -> Iterator[CheckMessage]:
    """Yield what the checks find in these tasks, but for what `no_check` silences."""
    tasks = list(tasks)
    chords: dict[str, list[tuple[str, int]]] = {}
    for module in sorted({task.__module__ for task in tasks}):
        for name, path, line in chord_parts(sys.modules[module]):
            chords.setdefault(name, []).append((path, line))
    for task in tasks:
        subject = Subject(task, app, chords.get(task.name, []))
        reasons = silenced(function_of(task))
        for unknown in sorted(set(reasons) - set(CHECKS)):
            yield _message("tasking.E029", task, Finding(f"no_check names {unknown!r}, which checks no task.", KNOWN))
        for check_id, check in CHECKS.items():
            if check_id not in reasons:
                yield from (_message(check_id, task, finding) for finding in check(subject))


def place(task: Any, line: int | None = None, path: str | None = None) -> str:
    """Return where a task stands, as an editor understands it, and its name: `shop/tasks.py:7 shop.tasks.sell`."""
    return f"{relative(path) if path else file_of(task)}:{line or line_of(task)} {task.name}"


def _message(check_id: str, task: Any, finding: Finding) -> CheckMessage:
    level = Error if check_id.startswith("tasking.E") else CheckWarning
    return level(finding.text, hint=finding.hint, obj=place(task, finding.line, finding.path), id=check_id)


def states_idempotence(subject: Subject) -> Iterator[Finding]:
    """W012: who lets a task run twice says that this changes nothing."""
    task = subject.task
    if task.idempotent or not (task.acks_late or task.retry_on_worker_lost):
        return
    says = "says that it is not idempotent" if task.idempotent is False else "does not say whether it is idempotent"
    yield Finding(
        f"It {says}, and is acknowledged late: when its worker dies, it runs again.",
        "See to it that a second run changes nothing, and say idempotent=True. Or say acks_late=False: it may be lost.",
    )


def limits(subject: Subject) -> Iterator[Finding]:
    """E016."""
    task = subject.task
    soft, hard = task.soft_time_limit, task.time_limit
    if _policy(task) is None or {"soft_time_limit", "time_limit"} <= _from_queue(task):
        return  # there is no such queue, or its own limits are wrong: that is said elsewhere
    hint = "Leave out both limits to have those of the queue, or give soft_time_limit and a longer time_limit."
    if not soft or not hard:
        missing = "soft_time_limit" if hard else "time_limit"
        yield Finding(f"It has no {missing}: one call that hangs takes a place in the worker for ever.", hint)
    elif soft >= hard:
        yield Finding(f"It is killed after {hard} s, before its soft limit of {soft} s.", hint)


def outlasts_the_broker(subject: Subject) -> Iterator[Finding]:
    """E006: a message that the broker takes back from a worker that is still at work."""
    task = subject.task
    policy = _policy(task)
    wait = longest_wait(subject.app.conf)
    if policy is None or wait is None or "time_limit" in _from_queue(task) or not task.time_limit:
        return
    held = policy.prefetch_multiplier * max(task.time_limit, policy.time_limit)
    if held >= wait.seconds:
        yield Finding(
            f"A worker may hold its message for {held} s (limit x prefetch), and the broker takes it back after "
            f"{wait.seconds:g} s ({wait.name}): it would run twice at a time.",
            "Lower its time_limit, or move it to a queue whose limits allow for it.",
        )


def retries_end(subject: Subject) -> Iterator[Finding]:
    """E017."""
    if subject.task.max_retries is None or getattr(subject.task, "retry_kwargs", {}).get("max_retries", 0) is None:
        yield Finding(
            "It is retried without end: max_retries=None.",
            "Give max_retries a number, or leave it out to have that of the queue.",
        )


def retries_spread(subject: Subject) -> Iterator[Finding]:
    """W018."""
    task = subject.task
    if task.max_retries != 0 and task.autoretry_for and _policy(task):
        missing = [name for name in ("retry_backoff", "retry_jitter") if not getattr(task, name, None)]
        for name in missing:
            wait = "after the same wait" if name == "retry_backoff" else "at the same moments"
            yield Finding(f"Its retries come {wait}: {name} is off.", f"Leave {name} out: then it is on.")
    for line in subject.in_source(bare_retries):
        yield Finding(
            f"self.retry() without a countdown comes after the same wait each time, {task.default_retry_delay} s.",
            "Raise TransientError instead: it is retried with a growing, random wait.",
            line,
        )


def retries_errors_that_pass(subject: Subject) -> Iterator[Finding]:
    """E019."""
    if {Exception, BaseException} & set(subject.task.autoretry_for):
        yield Finding(
            "autoretry_for names Exception: a bug is retried too, and shows only after the last retry.",
            "Name what may pass by itself, or leave it out and raise TransientError for that.",
        )


def queue_is_read(subject: Subject) -> Iterator[Finding]:
    """E020."""
    queue = getattr(subject.task, "queue", None) or DEFAULT
    if queue not in QUEUES:
        is_declared = queue in subject.app.amqp.queues
        text = "is read by no worker" if is_declared else "does not exist"
        yield Finding(f"Its queue {queue!r} {text}.", f"Queues of tasking/queues.py: {', '.join(QUEUES)}.")


def takes_plain_values(subject: Subject) -> Iterator[Finding]:
    """E021."""
    for name, kind, hint in unsendable(subject.task):
        yield Finding(f"Its parameter {name!r} is annotated with {kind}, which cannot be sent in a message.", hint)


def keeps_no_state(subject: Subject) -> Iterator[Finding]:
    """E022."""
    for line in subject.in_source(state_on_self):
        yield Finding(
            "It keeps state on itself: one object serves all calls in this process, and none in the others.",
            "Use a local variable; what the next call must know belongs into the database.",
            line,
        )


def waits_for_nobody(subject: Subject) -> Iterator[Finding]:
    """E023."""
    for line in subject.in_source(waits):
        yield Finding(
            "It waits for another task's result: when all processes wait, none is left to work.",
            "Make them a chain or a chord. If this is no task's result, end the line with `# no result`.",
            line,
        )


def sleeps_little(subject: Subject) -> Iterator[Finding]:
    """W024."""
    for line, seconds in subject.in_source(sleeps):
        if seconds > LONGEST_SLEEP:
            yield Finding(
                f"It sleeps for {seconds:g} s, and nobody else can use its process meanwhile.",
                "Have the rest sent later: self.retry(countdown=...), or apply_async(countdown=...) of the next task.",
                line,
            )


def part_keeps_its_result(subject: Subject) -> Iterator[Finding]:
    """W025. Celery's user guide, Canvas: "Tasks used within a chord must not ignore their results"."""
    if not subject.task.ignore_result:
        return
    for path, line in subject.chords:
        yield Finding(
            "A chord counts it, and it ignores its result: when its process is lost as it ends, it runs again; "
            "with a result backend other than Redis the chord never ends.",
            "Say ignore_result=False in its decorator.",
            line,
            path,
        )


#: By id; E stands for an error, which keeps a worker from starting, W for a warning.
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "tasking.E006": outlasts_the_broker,
        "tasking.W012": states_idempotence,
        "tasking.E016": limits,
        "tasking.E017": retries_end,
        "tasking.W018": retries_spread,
        "tasking.E019": retries_errors_that_pass,
        "tasking.E020": queue_is_read,
        "tasking.E021": takes_plain_values,
        "tasking.E022": keeps_no_state,
        "tasking.E023": waits_for_nobody,
        "tasking.W024": sleeps_little,
        "tasking.W025": part_keeps_its_result,
    }
)

KNOWN = f"Checks of a task: {', '.join(CHECKS)}."


def _policy(task: Any) -> Any:
    return QUEUES.get(getattr(task, "queue", None) or DEFAULT)


def _from_queue(task: Any) -> frozenset[str]:
    return getattr(task, "from_queue", frozenset())


def in_apps(tasks: Iterable[Task[..., Any]], configs: Iterable[Any]) -> list[Task[..., Any]]:
    """Return those tasks that belong to one of these apps."""
    chosen = set(configs)
    return [task for task in tasks if apps.get_containing_app_config(task.__module__) in chosen]
