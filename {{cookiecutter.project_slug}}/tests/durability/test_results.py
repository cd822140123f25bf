"""The store of results: a success stays, whoever has something else to tell at the same time."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import current_app, states
from django.conf import settings

from {{ cookiecutter.project_slug }}.tasking.results import Backend

from sandbox.brokers import Redis

from .shop import Shop

pytestmark = pytest.mark.broker

#: Two processes that store within the same moment do so often enough among these.
TASKS = [f"task{number}" for number in range(300)]


@pytest.fixture
def backend(redis_server: Redis) -> Any:
    return Backend(app=current_app, url=redis_server.database_url(8))


def test_a_success_is_not_lost_to_a_failure_that_is_told_at_the_same_time(backend: Any) -> None:
    """A task ends well in one process while another takes it for lost. Promise: its result is its success."""

    def store(result: Any, state: str) -> None:
        for task_id in TASKS:
            backend.store_result(task_id, result, state)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(store, (1, RuntimeError("lost")), (states.SUCCESS, states.FAILURE)))
    stored = [backend.decode_result(backend.get(backend.get_key_for_task(task_id))) for task_id in TASKS]
    assert {result["task_id"] for result in stored if result["status"] == states.SUCCESS} == set(TASKS)


def test_a_result_is_kept_as_long_as_it_is_to_be(backend: Any) -> None:
    """Results of each kind. Promise: they end when the settings say so; only what is to stay for ever has no end."""

    def store(task_id: str, result: Any, state: str) -> Any:
        backend.store_result(task_id, result, state)
        return backend.client.ttl(backend.get_key_for_task(task_id))

    assert settings.CELERY_RESULT_EXPIRES - 5 <= store("success", 1, states.SUCCESS) <= settings.CELERY_RESULT_EXPIRES
    backend.failure_expires = 60
    assert 55 <= store("failure", RuntimeError("bug"), states.FAILURE) <= 60
    backend.expires = None
    assert store("for ever", 1, states.SUCCESS) == -1


def test_who_waits_for_a_result_is_told(backend: Any) -> None:
    """A success is followed by a failure. Promise: each change is published; the failure is none."""
    with backend.client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(backend.get_key_for_task("awaited"))
        for result, state in ((None, states.STARTED), (1, states.SUCCESS), (RuntimeError("late"), states.FAILURE)):
            backend.store_result("awaited", result, state)
        backend.client.publish(backend.get_key_for_task("awaited"), "end")
        told = iter(message["data"] for message in listener.listen() if message)
        found = [backend.decode_result(data)["status"] for data in iter(lambda: next(told), b"end")]
    assert found == [states.STARTED, states.SUCCESS]


WAITING = """
import json
from celery.result import GroupResult
inner = chain(part.si("c", 0.3), group(part.si("d", 0.3), part.si("e")))
sent = group([part.si("a", 0.3), part.si("b"), inner]).apply_async()
told = []
sent.then(told.append)
results = sent.get(timeout=30)
sent.save()
print(json.dumps([results, len(told), sent.get(), GroupResult.restore(sent.id).get()]))
"""


def test_who_sent_a_group_can_wait_for_its_results(shop: Shop) -> None:
    """A group with a group in it is sent, and waited for; later again.

    Promise: `get` returns all results each time, and whoever asked to be called is called, once.
    """
    shop.worker()
    results, calls, again, restored = json.loads(shop.run(WAITING))
    assert results == again == restored == ["a", "b", ["d", "e"]]
    assert calls == 1
