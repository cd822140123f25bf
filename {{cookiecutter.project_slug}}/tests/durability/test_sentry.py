"""Sentry: six ways to fail for good are six events, with the ids that stand among the dead letters and in the log."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from tests.sentry import Sentry, listening

from .shop import Shop
from .test_flower import is_heard, start_flower

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with listening() as server:
        yield server


#: What is sent, by the entry of the ledger, and how its event tells it.
FAILURES = {
    "bug": ("fail.apply_async(('bug', 'bug'))", "LookupError"),
    "spent": ("give_up.apply_async(('spent',))", "TransientError"),
    "soft": ("hang.apply_async(('soft', True), soft_time_limit=1, time_limit=60)", "SoftTimeLimitExceeded"),
    "hard": ("hang.apply_async(('hard',), soft_time_limit=1, time_limit=2)", "TimeLimitExceeded"),
    "child": ("give_up.apply_async(('child', True))", "WorkerLostError"),
    "rejected": ("fail.apply_async(('rejected', 'reject'))", "Dead letter: Reject: "),
}


def told(event: Any) -> str:
    """Return how an event tells what happened: the type of its exception, or its message."""
    if "exception" in event:
        return str(event["exception"]["values"][-1]["type"])
    return str(event["logentry"]["message"] if "logentry" in event else event["message"])


def test_each_failure_is_one_event(shop: Shop, sentry: Sentry) -> None:
    """A worker meets six tasks that fail for good, one that is retried, one whose error is expected, and good ones.

    Promise: Sentry gets six events, each tagged with task, id, queue and workflow as its dead letter has them; no other
    one, and no argument in any of them. Log and Flower know each by the same id.
    """
    shop.project.environment["SENTRY_DSN"] = sentry.dsn
    flower = start_flower(shop)
    worker = shop.worker()
    shop.wait_for("Flower listens", lambda: is_heard(shop, flower))
    sends = [send for send, _ in FAILURES.values()]
    shop.run("\n".join([*sends, "retried.delay('again')", "expected.delay('mistake')", "note.delay('good')"]))
    # That of the expected error is among the letters, not among the events.
    letters = {letter["task_id"]: letter for letter in shop.letters(len(FAILURES) + 1)}
    shop.drain({"again", "mistake", "good"}, "note")
    shop.wait_for("an event for each", lambda: len(sentry.events) >= len(FAILURES))
    # In good order, so that what it still holds back is sent.
    shop.project.stop(worker)

    log = shop.project.log(worker).read_text()
    seen = []
    for event in sentry.events:
        tags = event["tags"]
        letter = letters[tags["task_id"]]
        (entry, *_), _ = json.loads(letter["arguments"])
        seen.append(entry)
        assert told(event).startswith(FAILURES[entry][1])
        assert (tags["task"], tags["queue"]) == (letter["task_name"], letter["queue"])
        assert letter["queue"] == DEFAULT
        assert tags["root_id"] == letter["root_id"] == letter["task_id"]
        assert any(tags["task_id"] in line and tags["task"] in line for line in log.splitlines())
        shown = json.loads(flower(f"/api/task/info/{tags['task_id']}"))
        assert (shown["name"], shown["state"]) == (tags["task"], "FAILURE")
        assert event["environment"] == "development"
        assert entry not in json.dumps(event.get("extra", {}))
    assert sorted(seen) == sorted(FAILURES)
