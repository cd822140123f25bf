"""THE table of queues. Worker flags, limits, retries and the broker's declarations are derived from it.

A queue is a promise: `critical` - a person waits; `default` - soon; `bulk` - throughput. Each has workers of its own,
so that no amount of bulk work makes a click wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from celery import Task, current_app
from kombu import Exchange, Queue

CRITICAL = "critical"
DEFAULT = "default"
BULK = "bulk"

#: Where a message ends that no worker could finish, see `dead_letters/`. No worker executes what lies there.
DEAD_LETTER = "dead_letter"

#: How often a message is delivered again after the death of the worker that held it. Then it counts as poison.
#: An innocent one that was held beside it has as many lives, so this is no smaller.
DELIVERY_LIMIT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """What a task on this queue may take, and how a worker of this queue is started.

    Times are in seconds. A task's own value, given in its decorator, wins over the one here.
    """

    #: SoftTimeLimitExceeded is raised in the task, which may still save what it has.
    soft_time_limit: int
    #: The child process that runs the task is killed.
    time_limit: int
    #: After this many retries the task has failed.
    max_retries: int
    #: Before retry n a random time up to `retry_backoff * 2**n` is waited (`retry_backoff` if the child was lost), ...
    retry_backoff: int
    #: ... but never more than this.
    retry_backoff_max: int
    #: Child processes of one worker.
    concurrency: int
    #: Messages that a worker holds for each child, the one at work included: 1 is fair, more saves round trips. (On
    #: RabbitMQ 4 instead of 2 drain no-ops 1.1 times as fast.)
    prefetch_multiplier: int


QUEUES: Mapping[str, QueuePolicy] = MappingProxyType(
    {
        CRITICAL: QueuePolicy(
            soft_time_limit=10,
            time_limit=15,
            max_retries=3,
            retry_backoff=1,
            retry_backoff_max=30,
            concurrency=2,
            prefetch_multiplier=1,
        ),
        DEFAULT: QueuePolicy(
            soft_time_limit=60,
            time_limit=90,
            max_retries=5,
            retry_backoff=2,
            retry_backoff_max=120,
            concurrency=2,
            prefetch_multiplier=2,
        ),
        BULK: QueuePolicy(
            soft_time_limit=120,
            time_limit=150,
            max_retries=8,
            retry_backoff=5,
            retry_backoff_max=150,
            concurrency=2,
            prefetch_multiplier=1,
        ),
    }
)

#: Seconds that a worker may hold a message at most: it waits behind those prefetched, then runs.
LONGEST_HOLD = max(policy.prefetch_multiplier * policy.time_limit for policy in QUEUES.values())

#: Seconds from being told to end until a worker is killed. Whatever runs it - Compose, systemd, Kubernetes - is to wait
#: so long: for its soft shutdown, see `settings/celery.py`, and for giving back what it holds.
STOP_GRACE_PERIOD = 20


def task_queues(exchange: str) -> list[Queue]:
    """Return every queue of the table on one topic exchange, for Celery's `task_queues`.

    On RabbitMQ the arguments of a queue are final: one that exists refuses to be declared with others. So what may
    change belongs into a policy there - of two delivery limits the lower one holds - or the queue gets a new name.
    Redis ignores them; `redis_transport.py` does the same without.
    """
    arguments = {
        # Replicated, and on disk before a publish is confirmed.
        "x-queue-type": "quorum",
        # RabbitMQ 3 has no limit of its own, and later ones drop what exceeds theirs.
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": DEAD_LETTER,
        # A message leaves the queue when it has arrived among the dead letters; the strategy demands the overflow.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return [_queue(exchange, name, arguments) for name in QUEUES]


def dead_letter_queue(exchange: str) -> Queue:
    """Return the queue of the dead letters, which is none of `task_queues`: a worker would execute what lies there."""
    # The limit is out of reach, since RabbitMQ 4 would drop what was looked at twenty times without success.
    return _queue(exchange, DEAD_LETTER, {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000})


def _queue(exchange: str, name: str, arguments: dict[str, Any]) -> Queue:
    return Queue(name, Exchange(exchange, type="topic"), routing_key=name, queue_arguments={**arguments})


def queue_of(routing_key: str | None) -> str:
    """Return the queue that a routing key leads to. RabbitMQ writes a delay before it: `0.0.1.bulk`."""
    return (routing_key or "").rpartition(".")[-1]


def queue_of_request(request: Any) -> str:
    """Return the queue by which a task came, given its request; nothing for one that came by no message."""
    return queue_of((request.delivery_info or {}).get("routing_key"))


def worker_flags(queue: str) -> list[str]:
    """Return the flags of `celery worker` for a worker of this queue. Raises KeyError for a queue not in the table."""
    policy = QUEUES[queue]
    return [
        f"--queues={queue}",
        f"--hostname={queue}@%h",
        f"--concurrency={policy.concurrency}",
        f"--prefetch-multiplier={policy.prefetch_multiplier}",
    ]


def route(name: str, *_: Any, task: Any = None, **__: Any) -> dict[str, str] | None:
    """Celery router: a task goes to the queue that its decorator names.

    Celery 6 will no longer look there itself; a queue given with the call wins over both.
    """
    queue = getattr(task or current_app.tasks.get(name), "queue", None)
    return {"queue": queue} if queue else None


class QueueDefaults:
    """Celery annotation that gives a task the limits and retries of its queue where it states none of its own."""

    def annotate(self, task: type[Task[..., Any]]) -> dict[str, Any]:
        """Return the attributes to set on a task's class. Celery calls this once for each task it registers.

        `from_queue` names those that are the queue's. A task that is acknowledged early must not run twice, so it is
        not sent again either when its child process is lost.
        """
        policy = QUEUES.get(getattr(task, "queue", None) or DEFAULT)
        if policy is None:  # a queue that is not ours: publishing to it will be refused
            return {}
        defaults: dict[str, Any] = {
            "soft_time_limit": policy.soft_time_limit,
            "time_limit": policy.time_limit,
            "max_retries": policy.max_retries,
            "retry_backoff": policy.retry_backoff,
            "retry_backoff_max": policy.retry_backoff_max,
            # The wait before a task is sent again whose child process was lost.
            "default_retry_delay": policy.retry_backoff,
        }
        annotation = {name: value for name, value in defaults.items() if not _states(task, name)}
        annotation["from_queue"] = frozenset(annotation)
        if not task.acks_late and "retry_on_worker_lost" not in vars(task):
            annotation["retry_on_worker_lost"] = False
        return annotation

    def annotate_any(self) -> None:
        """Celery asks every annotation for one that holds for all tasks; there is none."""


def _states(task: type[Task[..., Any]], name: str) -> bool:
    """Whether a task's decorator, or a base class between it and Celery's own, sets this attribute."""
    own = [vars(cls)[name] for cls in task.__mro__ if name in vars(cls) and cls.__module__ != "celery.app.task"]
    # Celery has put its setting into an unset limit by now: None says nothing there, but much about retries.
    return any(value is not None or name == "max_retries" for value in own)
