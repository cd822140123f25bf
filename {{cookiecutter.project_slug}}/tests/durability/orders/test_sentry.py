"""Sentry sees a click and all that came of it as one trace, and whether the schedule is kept."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.brokers import Redis, Server
from tests.sentry import Sentry, listening

from .conftest import Start, finished

pytestmark = [pytest.mark.broker, pytest.mark.slow]

#: Seconds: the schedule's most frequent entry that is monitored is due each minute.
A_MINUTE = 90

STEPS = ("start", "inspect_file", "split", "import_chunk", "reconcile", "build_report", "mail_summary", "finish")


@pytest.fixture
def broker(redis_server: Redis) -> Server:
    """One of the two: the SDK sees neither."""
    return redis_server


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with listening() as server:
        yield server


def payloads(sentry: Sentry, kind: str) -> list[Any]:
    """Return what was sent of a kind."""
    return [payload for sent, payload in list(sentry.items) if sent == kind]


def traces(sentry: Sentry) -> dict[str, set[str]]:
    """Return the traces of which each transaction is a part, by its name without the modules."""
    found: dict[str, set[str]] = {}
    for one in payloads(sentry, "transaction"):
        name = one["transaction"].rpartition(".")[2]
        found.setdefault(name, set()).add(one["contexts"]["trace"]["trace_id"])
    return found


def test_a_click_and_its_workflow_are_one_trace_and_the_schedule_is_monitored(start: Start, sentry: Sentry) -> None:
    with start(SENTRY_DSN=sentry.dsn, SENTRY_TRACES_SAMPLE_RATE="1.0", SENTRY_RELEASE="1.2.3") as (project, site):
        project.start("beat", "-m", "celery", "--app=config", "beat")
        page = site.post("/imports/sample/", rows=1_000)
        assert finished(project, site, page)["state"] == "finished"
        project.wait_for("a trace of each step", lambda: {*STEPS, "/imports/sample/"} <= traces(sentry).keys())
        (click,) = traces(sentry)["/imports/sample/"]
        for step in STEPS:
            assert traces(sentry)[step] == {click}, step
        for one in payloads(sentry, "transaction"):
            assert (one["environment"], one["release"]) == ("development", "1.2.3")

        def check_ins() -> set[str]:
            named = "resume stalled imports"
            return {one["status"] for one in payloads(sentry, "check_in") if one["monitor_slug"] == named}

        project.wait_for("a monitored run", lambda: check_ins() == {"in_progress", "ok"}, A_MINUTE)
        assert sentry.events == []
