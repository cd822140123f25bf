"""Checks of the settings, of the table of queues, and of the schedule."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from celery import Celery
from celery.app import defaults
from celery.app.defaults import SETTING_KEYS
from django.conf import ENVIRONMENT_VARIABLE, global_settings, settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from kombu.transport import TRANSPORT_ALIASES
from kombu.utils.imports import symbol_by_name

from .. import redis_transport, registry, transport
from ..queues import QUEUES, STOP_GRACE_PERIOD
from .limits import longest_wait

#: What kombu can read and nobody should send: a message in one of these can run code in the worker that reads it.
UNSAFE = {"pickle", "application/x-python-serialize", "yaml", "application/x-yaml"}

#: What older releases called the settings.
RENAMED: Mapping[str, str] = {old: f"CELERY_{new.upper()}" for old, new in defaults._TO_NEW_KEY.items()}  # type: ignore[attr-defined]

#: What a setting of Celery's begins with, after the prefix: others may be names of somebody else's.
FAMILIES = ("BROKER_", "TASK_", "WORKER_", "RESULT_", "BEAT_")


def check_settings(app: Celery) -> Iterator[CheckMessage]:
    """Yield what is wrong with the settings of an app."""
    for check in (broker, serializers, names, eager, limits, waits, shutdown, delays, result_backend, schedule):
        yield from check(app)


def in_tests() -> bool:
    """Whether these settings are for tests, by the name of their module."""
    module = settings.SETTINGS_MODULE or os.environ.get(ENVIRONMENT_VARIABLE, "")
    return "test" in module.rpartition(".")[-1]


def broker(app: Celery) -> Iterator[CheckMessage]:
    """E001."""
    for name in ("broker_url", "broker_read_url", "broker_write_url"):
        why = transport.refusal(getattr(app.conf, name) or "")
        if why and (name == "broker_url" or getattr(app.conf, name) != app.conf.broker_url):
            yield Error(
                f"The broker is neither RabbitMQ nor Redis: {why}",
                hint=f"Use {', '.join(sorted(transport.SCHEMES))}.",
                obj=f"CELERY_{name.upper()}",
                id="tasking.E001",
            )


def serializers(app: Celery) -> Iterator[CheckMessage]:
    """E002."""
    for name in ("accept_content", "result_accept_content", "task_serializer", "result_serializer"):
        value = getattr(app.conf, name) or ()
        for unsafe in sorted(UNSAFE.intersection([value] if isinstance(value, str) else value)):
            yield Error(
                f"{unsafe} is allowed: whoever reaches the broker runs code in the workers.",
                hint="Use json alone.",
                obj=f"CELERY_{name.upper()}",
                id="tasking.E002",
            )


def names(_: Celery) -> Iterator[CheckMessage]:
    """E003: settings of Celery's that do nothing, since it has none of that name."""
    for name in dir(settings):
        right = _right_name(name)
        if right != name:
            hint = f"Write {right}." if right else "Celery has no such setting; see its list of configuration defaults."
            yield Error(f"{name} does nothing: Celery does not know it.", hint=hint, obj=name, id="tasking.E003")


def _right_name(name: str) -> str | None:
    """Return how a setting ought to be called, itself if it is right or none of Celery's; None if nobody knows."""
    key = name.removeprefix("CELERY_")
    if name in RENAMED:
        return RENAMED[name]
    if not name.startswith("CELERY_"):
        is_lost = name.startswith(FAMILIES) and name.lower() in SETTING_KEYS and not hasattr(global_settings, name)
        return f"CELERY_{name}" if is_lost else name
    if key.lower() in SETTING_KEYS:
        return name
    if key in RENAMED:
        return RENAMED[key]
    nearest = get_close_matches(key.lower(), SETTING_KEYS, n=1, cutoff=0.6)
    return f"CELERY_{nearest[0].upper()}" if nearest else None


def eager(app: Celery) -> Iterator[CheckMessage]:
    """E004."""
    if app.conf.task_always_eager and not in_tests():
        yield Error(
            "Tasks run in the process that calls them, without broker, limits or retries.",
            hint="Set it in the settings for tests only, whose module has `test` in its name.",
            obj="CELERY_TASK_ALWAYS_EAGER",
            id="tasking.E004",
        )


def limits(_: Celery) -> Iterator[CheckMessage]:
    """E005."""
    for queue, policy in QUEUES.items():
        if not 0 < policy.soft_time_limit < policy.time_limit:
            yield Error(
                f"A task is killed after {policy.time_limit} s, its soft limit is {policy.soft_time_limit} s.",
                hint="Make soft_time_limit less than time_limit, so that a task can save what it has.",
                obj=f"tasking/queues.py {queue}",
                id="tasking.E005",
            )


def waits(app: Celery) -> Iterator[CheckMessage]:
    """E006, for the limits in the table."""
    wait = longest_wait(app.conf)
    if wait is None:
        return
    for queue, policy in QUEUES.items():
        held = policy.prefetch_multiplier * policy.time_limit
        if held >= wait.seconds:
            yield Error(
                f"A worker may hold a message for {held} s (limit x prefetch), and the broker takes it back after "
                f"{wait.seconds:g} s ({wait.name}): tasks would run twice at a time.",
                hint="Lower time_limit or prefetch_multiplier, or let the broker wait longer.",
                obj=f"tasking/queues.py {queue}",
                id="tasking.E006",
            )


def shutdown(app: Celery) -> Iterator[CheckMessage]:
    """E007."""
    soft = app.conf.worker_soft_shutdown_timeout
    if soft >= STOP_GRACE_PERIOD:
        yield Error(
            f"A worker that is told to end takes {soft:g} s, and is killed after {STOP_GRACE_PERIOD} s.",
            hint="Make it less than STOP_GRACE_PERIOD of tasking/queues.py, or that longer.",
            obj="CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT",
            id="tasking.E007",
        )


def delays(app: Celery) -> Iterator[CheckMessage]:
    """E008: what is delayed for longer than the visibility timeout, where workers hold what is delayed.

    Our own transport leaves it with the broker; kombu's, in its place, would deliver it to one worker after another.
    """
    wait = longest_wait(app.conf)
    if wait is None or wait.name != "visibility_timeout":
        return
    if issubclass(symbol_by_name(TRANSPORT_ALIASES["redis"]), redis_transport.Transport):
        return
    known = {f"tasking/queues.py {queue}": policy.retry_backoff_max for queue, policy in QUEUES.items()}
    known |= {task.name: getattr(task, "retry_backoff_max", 0) for task in registry.tasks(app) if task.max_retries != 0}
    known |= {
        f"CELERY_BEAT_SCHEDULE {name!r}": entry.get("options", {}).get("countdown") or 0
        for name, entry in app.conf.beat_schedule.items()
    }
    for where, seconds in known.items():
        if seconds >= wait.seconds:
            yield Error(
                f"A message may be delayed for {seconds:g} s, and counts as lost after {wait.seconds:g} s: it would "
                "run once for each of these times.",
                hint="Shorten the delay, or use tasking/redis_transport.py, with which no worker holds it.",
                obj=where,
                id="tasking.E008",
            )


def result_backend(app: Celery) -> Iterator[CheckMessage]:
    """E009."""
    if app.conf.result_backend and not str(app.conf.result_backend).startswith("disabled"):
        return
    keep = [task.name for task in registry.tasks(app) if task.ignore_result is False]
    if keep:
        yield Error(
            f"There is none, and these tasks keep a result: {', '.join(keep)}. A chord of them cannot be sent.",
            hint="Set it, to a Redis for example.",
            obj="CELERY_RESULT_BACKEND",
            id="tasking.E009",
        )


def schedule(app: Celery) -> Iterator[CheckMessage]:
    """E010, W011, and E020 for the queue of an entry."""
    registry.load(app)
    for name, entry in app.conf.beat_schedule.items():
        obj = f"CELERY_BEAT_SCHEDULE {name!r}"
        options: dict[str, Any] = entry.get("options") or {}
        if entry["task"] not in app.tasks:
            nearest = get_close_matches(entry["task"], app.tasks, n=1)
            yield Error(
                f"There is no task {entry['task']!r}.",
                hint=f"Did you mean {nearest[0]!r}?" if nearest else "Name a task as `manage.py tasks` lists it.",
                obj=obj,
                id="tasking.E010",
            )
        if not options.get("expires"):
            yield CheckWarning(
                "It does not expire: after an outage, all that was missed runs at once.",
                hint='Give it "options": {"expires": SECONDS}, less than the time to the next one.',
                obj=obj,
                id="tasking.W011",
            )
        if options.get("queue", next(iter(QUEUES))) not in QUEUES:
            yield Error(
                f"No worker reads its queue {options['queue']!r}.",
                hint=f"Queues of tasking/queues.py: {', '.join(QUEUES)}.",
                obj=obj,
                id="tasking.E020",
            )
