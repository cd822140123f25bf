"""What holds for a task, and who said so: its decorator, its queue, a base class, a setting, or Celery."""

from dataclasses import dataclass
from typing import Any

from celery import Task
from celery.app.annotations import resolve_all
from celery.exceptions import QueueNotFound
from django.conf import settings

from ..queues import DEFAULT

#: The options of a task that are told, in the order in which they are.
OPTIONS = (
    "queue",
    "soft_time_limit",
    "time_limit",
    "max_retries",
    "retry_backoff",
    "retry_backoff_max",
    "retry_jitter",
    "default_retry_delay",
    "autoretry_for",
    "dont_autoretry_for",
    "throws",
    "acks_late",
    "acks_on_failure",
    "acks_on_timeout",
    "retry_on_worker_lost",
    "reject_on_worker_lost",
    "idempotent",
    "keep_dead_letter",
    "ignore_result",
    "rate_limit",
    "expires",
    "priority",
    "serializer",
)

#: What add_autoretry_behaviour of Celery takes where a task has no such attribute.
AUTORETRY_DEFAULTS = {
    "autoretry_for": (),
    "dont_autoretry_for": (),
    "retry_backoff": False,
    "retry_backoff_max": 600,
    "retry_jitter": True,
}

CELERY = "Celery's default"
DECORATOR = "decorator"
ANNOTATIONS = "setting CELERY_TASK_ANNOTATIONS"
#: `QueueDefaults` of `queues.py` says so.
EARLY_ACK = "follows from acks_late=False"


@dataclass(frozen=True, slots=True)
class Value:
    """One option of a task, and who said so. Times are in seconds."""

    value: Any
    source: str


def values(task: Task[..., Any]) -> dict[str, Value]:
    """Return every option of a registered task."""
    options = {name: Value(_value(task, name), _source(task, name)) for name in OPTIONS if name != "queue"}
    return {"queue": queue(task), **options}


def queue(task: Task[..., Any]) -> Value:
    """Return the queue that a call goes to which names none. The router says it, without a broker."""
    own = getattr(task, "queue", None)
    router: Any = task.app.amqp.router
    try:
        routed = router.route({}, task.name, task_type=task)["queue"].name
    except QueueNotFound:  # publishing will be refused; the checks say so
        routed = own
    if own and own == routed:
        return Value(own, _source(task, "queue"))
    is_default = not own and routed == task.app.conf.task_default_queue
    return Value(routed, _setting("task_default_queue" if is_default else "task_routes"))


def _value(task: Task[..., Any], name: str) -> Any:
    return getattr(task, name, AUTORETRY_DEFAULTS.get(name))


def _source(task: Task[..., Any], name: str) -> str:
    cls = task.__class__  # of a lazy one, type() would give the proxy's
    if any(name in found for found in resolve_all(task.app.annotations, cls)):
        return ANNOTATIONS
    if name in getattr(cls, "from_queue", ()):
        return f"queue {getattr(task, 'queue', None) or DEFAULT}"
    if name in vars(cls):
        return _source_of_own(cls, name)
    base = next((base for base in cls.__mro__ if name in vars(base)), None)
    return CELERY if base is None or base.__module__.startswith("celery.") else f"base class {base.__name__}"


def _source_of_own(cls: Any, name: str) -> str:
    """Return who gave a task's own class this attribute.

    A class keeps its attributes in the order in which they came: those of its body - for a decorated task, the
    decorator's options - then `__bound__`, then what `Task.bind` and the annotations add.
    """
    order = [*vars(cls)]
    if order.index(name) < order.index("__bound__"):
        return DECORATOR if "_decorated" in vars(cls) else f"class {cls.__name__}"
    keys = dict(cls.from_config)
    inherited = next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
    if inherited is None and name in keys:
        # Of an unset one of these two Celery asks a third.
        unset = cls.app.conf[keys[name]] is None and name.startswith("acks_on_")
        return _setting("task_acks_on_failure_or_timeout" if unset else keys[name])
    return EARLY_ACK


def _setting(key: str) -> str:
    """Return the setting, or Celery if the project does not set it."""
    name = f"CELERY_{key.upper()}"
    return f"setting {name}" if hasattr(settings, name) else CELERY
