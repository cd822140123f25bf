"""The table of queues, and what is derived from it."""

from typing import Any

import pytest
from celery import Celery
from kombu import Queue

from {{ cookiecutter.project_slug }}.tasking import queues
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL, DEFAULT, QUEUES, QueueDefaults
from {{ cookiecutter.project_slug }}.tasking.task import Task


@pytest.fixture
def app() -> Any:
    """An app with the annotation and nothing else."""
    app = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.task_annotations = [QueueDefaults()]
    return app


def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_without_limits_gets_those_of_its_queue(app: Any, queue: str) -> None:
    task = app.task(nothing, name="one", shared=False, queue=queue)
    policy = QUEUES[queue]
    assert (task.soft_time_limit, task.time_limit) == (policy.soft_time_limit, policy.time_limit)
    assert (task.max_retries, task.default_retry_delay) == (policy.max_retries, policy.retry_backoff)
    assert (task.retry_backoff, task.retry_backoff_max) == (policy.retry_backoff, policy.retry_backoff_max)


def test_a_task_without_a_queue_is_on_the_default_one(app: Any) -> None:
    task = app.task(nothing, name="one", shared=False)
    assert task.time_limit == QUEUES[DEFAULT].time_limit


def test_the_limits_in_a_decorator_win(app: Any) -> None:
    task = app.task(nothing, name="one", shared=False, queue=BULK, time_limit=7, max_retries=None)
    assert task.time_limit == 7
    assert task.max_retries is None
    assert task.soft_time_limit == QUEUES[BULK].soft_time_limit


def test_the_limits_of_a_base_class_win(app: Any) -> None:
    class Patient(Task[..., Any]):
        abstract = True
        max_retries = 50

    task = app.task(nothing, name="one", shared=False, queue=CRITICAL, base=Patient)
    assert task.max_retries == 50
    assert task.time_limit == QUEUES[CRITICAL].time_limit


@pytest.mark.parametrize("policy", QUEUES.values(), ids=QUEUES)
def test_every_policy_is_sound(policy: queues.QueuePolicy) -> None:
    assert 0 < policy.soft_time_limit < policy.time_limit
    assert policy.max_retries > 0
    assert 1 <= policy.retry_backoff <= policy.retry_backoff_max
    assert policy.concurrency > 0
    assert policy.prefetch_multiplier > 0


def test_every_queue_is_declared_durable_and_replicated() -> None:
    declared = {queue.name: queue for queue in queues.task_queues("shop")}
    assert list(declared) == list(QUEUES)
    for name, queue in declared.items():
        assert isinstance(queue, Queue)
        assert queue.durable
        assert queue.routing_key == name
        assert queue.exchange.type == "topic"
        arguments = queue.queue_arguments or {}
        assert arguments["x-queue-type"] == "quorum"
        assert arguments["x-dead-letter-routing-key"] == queues.DEAD_LETTER
        assert arguments["x-delivery-limit"] == queues.DELIVERY_LIMIT


@pytest.mark.parametrize("queue", QUEUES)
def test_a_delay_before_a_routing_key_is_no_part_of_the_queue(queue: str) -> None:
    assert "." not in queue
    assert queues.queue_of(f"0.0.1.{queue}") == queues.queue_of(queue) == queue
    assert queues.queue_of(None) == ""


def test_a_worker_reads_one_queue() -> None:
    assert queues.worker_flags(CRITICAL) == [
        "--queues=critical",
        "--hostname=critical@%h",
        f"--concurrency={QUEUES[CRITICAL].concurrency}",
        f"--prefetch-multiplier={QUEUES[CRITICAL].prefetch_multiplier}",
    ]


def test_there_are_no_flags_for_an_unknown_queue() -> None:
    with pytest.raises(KeyError, match="urgent"):
        queues.worker_flags("urgent")
