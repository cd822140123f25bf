"""What keeps tasks from being lost, each taken away by itself: the proof must notice. See `test_protections.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

from billiard import pool
from celery.app.backends import BACKEND_ALIASES
from celery.contrib.django.task import DjangoTask
from celery.signals import celeryd_after_setup
from kombu import Exchange
from kombu.transport import TRANSPORT_ALIASES, redis

from {{ cookiecutter.project_slug }}.tasking import interrupts, redis_transport, topology
from {{ cookiecutter.project_slug }}.tasking.task import Task

Settings = dict[str, Any]


@dataclass(frozen=True)
class Protection:
    """A protection: how it is taken away, given the settings, and a test of this folder that then fails."""

    undo: Callable[[Settings], None]
    noticed_by: str


def setting(**values: Any) -> Callable[[Settings], None]:
    """Return what gives settings other values; in one that is a dict, to these keys."""

    def undo(settings: Settings) -> None:
        for name, value in values.items():
            settings[name] = {**settings[name], **value} if isinstance(value, dict) else value

    return undo


def transport(**options: Any) -> Callable[[Settings], None]:
    """Return what gives transport options other values."""
    return setting(CELERY_BROKER_TRANSPORT_OPTIONS=options)


def attributes(target: Any, **values: Any) -> Callable[[Settings], None]:
    """Return what gives attributes of a class or module other values."""

    def undo(_: Settings) -> None:
        for name, value in values.items():
            setattr(target, name, value)

    return undo


def queue_arguments(*names: str) -> Callable[[Settings], None]:
    """Return what declares the queues without these arguments."""

    def undo(settings: Settings) -> None:
        for queue in settings["CELERY_TASK_QUEUES"]:
            for name in names:
                queue.queue_arguments.pop(name)

    return undo


def direct_exchange(settings: Settings) -> None:
    """Bind the queues to an exchange of the type that Celery makes when it is asked for none."""
    settings |= {"CELERY_TASK_DEFAULT_EXCHANGE": "direct", "CELERY_TASK_DEFAULT_EXCHANGE_TYPE": "direct"}
    for queue in settings["CELERY_TASK_QUEUES"]:
        queue.exchange = Exchange("direct", type="direct")


def plain_redis(_: Settings) -> None:
    """Have kombu's own transport."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "kombu.transport.redis:Transport"))


def plain_results(_: Settings) -> None:
    """Have Celery's own result backend."""
    BACKEND_ALIASES.update(dict.fromkeys(("redis", "rediss"), "celery.backends.redis:RedisBackend"))


def forget_keys(_: Settings) -> None:
    """Have every key be new. The tasks can be imported only when the worker has set up Django."""

    def undo(**_: Any) -> None:
        import_module("tests.durability.ledger").first_time = lambda _: True  # type: ignore[attr-defined]

    celeryd_after_setup.connect(undo, weak=False)


PROTECTIONS: Mapping[str, Protection] = MappingProxyType(
    {
        "late acknowledgement": Protection(
            attributes(Task, acks_late=False),
            "test_workers.py::test_a_killed_worker_loses_nothing[rabbitmq]",
        ),
        "retry of a lost child": Protection(
            attributes(Task, retry_on_worker_lost=False, reject_on_worker_lost=False),
            "test_workers.py::test_a_task_that_kills_its_child_process_ends[redis]",
        ),
        "a bound for a lost child": Protection(
            attributes(Task, retry_on_worker_lost=False),
            "test_workers.py::test_a_task_that_kills_its_child_process_ends[rabbitmq]",
        ),
        "a cancelled task is not taken for a revoked one": Protection(
            attributes(Task, Request="celery.worker.request:Request"),
            "test_workers.py::test_a_child_lost_while_the_broker_is_away[redis]",
        ),
        "cancel on connection loss": Protection(
            setting(CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS=False),
            "test_workers.py::test_a_cut_connection_in_mid_task_changes_nothing_twice[rabbitmq]",
        ),
        "what Python drops is raised again": Protection(
            attributes(interrupts, _later=lambda _: None),
            "test_dead_letters.py::test_every_end_stands_in_the_table[redis]",
        ),
        "a soft limit that strikes in a task only": Protection(
            attributes(interrupts, on_soft_limit=pool.soft_timeout_sighandler),
            "test_chords.py::test_a_part_that_is_at_its_soft_limit_when_it_ends[redis]",
        ),
        "idempotency key": Protection(
            forget_keys,
            "test_workers.py::test_a_worker_that_dies_after_the_commit_changes_nothing_twice[rabbitmq]",
        ),
        "soft shutdown": Protection(
            setting(CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT=0),
            "test_workers.py::test_an_orderly_end_hands_on_what_takes_too_long[rabbitmq]",
        ),
        "visibility timeout from the limits": Protection(
            transport(visibility_timeout=3600),
            "test_workers.py::test_a_killed_worker_loses_nothing[redis]",
        ),
        "a sweep every ten seconds": Protection(
            transport(unacked_restore_throttle=10),
            "test_workers.py::test_a_killed_worker_loses_nothing[redis]",
        ),
        "publisher confirms": Protection(
            transport(confirm_publish=False),
            "test_publish.py::test_no_acknowledged_publish_is_lost[rabbitmq-kill]",
        ),
        "patience of a sender": Protection(
            setting(CELERY_TASK_PUBLISH_RETRY=False),
            "test_publish.py::test_no_acknowledged_publish_is_lost[rabbitmq-stop]",
        ),
        "results ignored": Protection(
            setting(CELERY_TASK_IGNORE_RESULT=False),
            "test_publish.py::test_a_dead_result_backend_delays_no_publish",
        ),
        "closed routing": Protection(
            setting(CELERY_TASK_CREATE_MISSING_QUEUES=True),
            "test_publish.py::test_a_misspelt_queue_is_an_error_at_the_call[redis]",
        ),
        "read and write timeouts (RabbitMQ)": Protection(
            transport(read_timeout=None, write_timeout=None),
            "test_connections.py::test_a_half_open_connection_heals[rabbitmq]",
        ),
        "taken messages are put back (Redis)": Protection(
            attributes(
                redis_transport.Channel,
                _brpop_start=redis.Channel._brpop_start,
                _brpop_read=redis.Channel._brpop_read,
            ),
            "test_connections.py::test_a_half_open_connection_heals[redis]",
        ),
        "what was held is given back (Redis)": Protection(
            attributes(redis_transport.QoS, restore_unacked=redis.QoS.restore_unacked),
            "test_connections.py::test_a_broker_that_restarts_under_load_loses_nothing[redis]",
        ),
        "dead-letter exchange (RabbitMQ)": Protection(
            queue_arguments(
                "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-overflow"
            ),
            "test_dead_letters.py::test_every_end_stands_in_the_table[rabbitmq]",
        ),
        "dead letters (Redis)": Protection(
            plain_redis,
            "test_dead_letters.py::test_every_end_stands_in_the_table[redis]",
        ),
        "chords that end once": Protection(
            plain_results,
            "test_chords.py::test_an_errback_is_called_once_in_every_shape_of_workflow[redis]",
        ),
        "delivery limit (Redis)": Protection(
            transport(delivery_limit=0),
            "test_dead_letters.py::test_poison_is_set_aside_and_replayed[redis]",
        ),
        "outbox": Protection(
            attributes(
                Task,
                delay_on_commit=DjangoTask.delay_on_commit,
                apply_async_on_commit=DjangoTask.apply_async_on_commit,
            ),
            "test_outbox.py::test_a_broker_that_is_away[redis-stop-command]",
        ),
        "topic exchange": Protection(
            direct_exchange,
            "test_retries.py::test_a_retry_delay_blocks_nobody[rabbitmq]",
        ),
        "whole seconds": Protection(
            attributes(Task, _whole_seconds=lambda *_: {}),
            "test_retries.py::test_a_delay_of_less_than_a_second_is_a_delay[rabbitmq]",
        ),
        "delays are set up before the first worker": Protection(
            attributes(topology, ensure_delays=lambda _: None),
            "test_retries.py::test_a_delay_of_less_than_a_second_is_a_delay[rabbitmq]",
        ),
        "the broker holds what is delayed (Redis)": Protection(
            attributes(redis_transport.Channel, _put=redis.Channel._put),
            "test_retries.py::test_a_long_delay_ends_once[redis]",
        ),
        "jitter": Protection(
            attributes(Task, retry_jitter=False),
            "test_retries.py::test_retries_are_spread_and_end[redis]",
        ),
        "one leader among beats": Protection(
            setting(CELERY_BEAT_SCHEDULER="celery.beat:PersistentScheduler"),
            "test_beat.py::test_two_beats_one_run_a_slot_and_a_dead_leader_is_replaced[redis]",
        ),
    }
)
