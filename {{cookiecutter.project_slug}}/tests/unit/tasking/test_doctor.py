"""The doctor: what it prints, its exit code, that it ends in time; and how it judges what a broker tells it."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from celery import group, signature
from celery.app.task import Context
from django.core.management import call_command
from django.utils import timezone

from {{ cookiecutter.project_slug }}.tasking.canary import Canary, passed
from {{ cookiecutter.project_slug }}.tasking.doctor import (
    clocks,
    database,
    monitors,
    rabbitmq_management,
    redis,
    redis_queues,
)
from {{ cookiecutter.project_slug }}.tasking.doctor.database import LONG, MANY_LETTERS
from {{ cookiecutter.project_slug }}.tasking.doctor.examination import Probe, examine
from {{ cookiecutter.project_slug }}.tasking.doctor.finding import Finding, Level, count, duration, failure, ok, warning
from {{ cookiecutter.project_slug }}.tasking.management.commands import doctor
from {{ cookiecutter.project_slug }}.tasking.models import DeadLetter, OutboxMessage
from {{ cookiecutter.project_slug }}.tasking.outbox.publisher import GRACE
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, QUEUES, dead_letter_queue
from {{ cookiecutter.project_slug }}.tasking.schedule import CANARY_EXPIRES, CANARY_INTERVAL
from {{ cookiecutter.project_slug }}.tasking.sent_at import SENT_AT
from {{ cookiecutter.project_slug }}.tasking.tasks import canary

from config.celery import app

WELL = ok("beat", "one leads")
UNWELL = warning("policies", "not seen", "Set the URL.")
ILL = failure("queue bulk", "does not exist", "Start a worker.")


def found(*findings: Finding) -> Probe:
    return Probe("probe", lambda: findings, "")


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[str, int]]]:
    """Runs the command with these findings and returns what it prints and its exit code."""

    def run(*findings: Finding, **options: str) -> tuple[str, int]:
        monkeypatch.setattr(doctor, "probes", lambda _: [found(*findings)])
        output = StringIO()
        try:
            call_command("doctor", stdout=output, **options)
        except SystemExit as end:
            return output.getvalue(), int(end.code or 0)
        return output.getvalue(), 0

    yield run
    logging.disable(logging.NOTSET)


def test_text_is_in_columns_with_the_remedy_beneath(examined: Callable[..., tuple[str, int]]) -> None:
    text, _ = examined(WELL, UNWELL, ILL)
    assert text.splitlines() == [
        "ok       beat        one leads",
        "warning  policies    not seen",
        "                     -> Set the URL.",
        "failure  queue bulk  does not exist",
        "                     -> Start a worker.",
        "",
        "1 ok, 1 warning, 1 failure",
    ]


def test_on_a_terminal_it_is_coloured_and_broken_at_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output = StringIO()
    output.isatty = lambda: True  # type: ignore[method-assign]
    command = doctor.Command(stdout=output, force_color=True)
    lines = list(command.text([failure("queue bulk", "one two three " * 6, "four five six " * 6)]))
    assert lines[0].startswith("\x1b[31;1mfailure\x1b[0m  queue bulk  one two")
    assert len(lines) > 5
    assert all(len(line) <= 60 for line in lines[1:])
    assert "".join(lines).count("->") == 1


@pytest.mark.parametrize(
    ("findings", "code"), [([WELL], 0), ([WELL, UNWELL], 0), ([ILL, WELL], 1)], ids=["ok", "warning", "failure"]
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_only_a_failure_fails(
    examined: Callable[..., tuple[str, int]], findings: list[Finding], code: int, output: str
) -> None:
    assert examined(*findings, format=output)[1] == code


def test_json_has_stable_keys(examined: Callable[..., tuple[str, int]]) -> None:
    text, _ = examined(WELL, ILL, format="json")
    assert json.loads(text) == [
        {"level": "ok", "subject": "beat", "finding": "one leads", "remedy": ""},
        {"level": "failure", "subject": "queue bulk", "finding": "does not exist", "remedy": "Start a worker."},
    ]


def test_what_does_not_answer_is_a_failure_in_time() -> None:
    """Promise: what a probe found before it hung, or raised, is told; the others are not held up; the order is kept."""
    never = Event()

    def hang() -> Iterator[Finding]:
        yield WELL
        never.wait()

    def fall() -> Iterator[Finding]:
        yield UNWELL
        msg = "two\nlines"
        raise OSError(msg)

    start = time.monotonic()
    findings = examine([Probe("hangs", hang, "Wait."), Probe("falls", fall, "Lift."), found(ILL)], deadline=0.3)
    assert time.monotonic() - start < 1
    assert findings == [
        WELL,
        failure("hangs", "no answer within 0.3 s", "Wait."),
        UNWELL,
        failure("falls", "OSError: two", "Lift."),
        ILL,
    ]
    never.set()


def test_probes_run_side_by_side() -> None:
    together = Event()

    def first() -> Iterator[Finding]:
        assert together.wait(5)
        yield WELL

    def second() -> Iterator[Finding]:
        together.set()
        yield UNWELL

    assert examine([Probe("first", first, ""), Probe("second", second, "")], deadline=5) == [WELL, UNWELL]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-0.01, "0.0 s"), (0.24, "0.2 s"), (42.4, "42 s"), (119, "119 s"), (120, "2 min"), (7_500, "2 h"), (2e5, "2 d")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts() -> None:
    assert [count(1, "consumer"), count(1_200, "consumer")] == ["1 consumer", "1,200 consumers"]


# --- What a message says of its age -----------------------------------------------------------------------------------


def published(broker: Any, queue: str) -> dict[str, Any]:
    """Return the headers of the next message of a queue."""
    headers: dict[str, Any] = broker.default_channel.basic_get(queue, no_ack=True).headers
    return headers


@pytest.fixture
def sending(broker: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A broker in memory, to which tasks are sent."""
    monkeypatch.setitem(app.conf, "task_always_eager", False)
    return broker


def test_every_message_is_dated(sending: Any) -> None:
    before = time.time()
    canary.apply_async([BULK], queue=BULK)
    group([canary.si(BULK)], app=app).apply_async(queue=BULK)
    signature("celery.accumulate", args=[1], app=app).apply_async(queue=BULK)
    for _ in range(3):
        assert before <= published(sending, BULK)[SENT_AT] <= time.time()


def test_a_retry_has_a_time_of_its_own(sending: Any) -> None:
    request = Context(id="one", args=[BULK], kwargs={}, headers={SENT_AT: 1.0}, delivery_info={"routing_key": BULK})
    before = time.time()
    canary.signature_from_request(request, retries=1).apply_async(queue=BULK)
    headers = published(sending, BULK)
    assert headers["retries"] == 1
    assert headers[SENT_AT] >= before


def test_the_age_of_a_message_counts_from_when_it_could_be_taken() -> None:
    now = time.time()
    delayed = {SENT_AT: now - 100, "eta": datetime.fromtimestamp(now - 20, UTC).isoformat()}
    cases: list[tuple[dict[str, Any], float]] = [
        ({SENT_AT: now - 100, "eta": None}, 100),
        (delayed, 20),
    ]
    for headers, seconds in cases:
        assert redis_queues.age(json.dumps({"headers": headers})) == pytest.approx(seconds, abs=1)


@pytest.mark.parametrize("item", [None, "no message", "[]", '{"headers": null}', '{"headers": {"sent_at": "x"}}'])
def test_a_message_that_does_not_say_has_no_age(item: str | None) -> None:
    assert redis_queues.age(item) is None


# --- Two beats --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("later", "is_doubled"),
    [
        (CANARY_INTERVAL, False),
        (timedelta(0), False),  # the same message, delivered again
        (-CANARY_INTERVAL, False),  # an older one, delivered again
        (CANARY_INTERVAL / 2, True),
        (timedelta(seconds=1), True),
        (-timedelta(seconds=1), True),
    ],
)
def test_canaries_that_come_too_soon_again_and_again_are_those_of_two_beats(later: timedelta, is_doubled: bool) -> None:
    expires = datetime.now(UTC) + CANARY_EXPIRES[BULK]
    for first in (expires, expires + CANARY_INTERVAL):
        passed(BULK, first)
        passed(BULK, first + later)
    assert bool(Canary.objects.get(queue=BULK).doubled_at) is is_doubled
    passed(BULK, expires + later + 2 * CANARY_INTERVAL)
    assert bool(Canary.objects.get(queue=BULK).doubled_at) is is_doubled, "it is kept"


@pytest.mark.django_db
def test_a_canary_that_comes_too_soon_once_was_sent_by_a_beat_that_could_not_note_it() -> None:
    expires = datetime.now(UTC) + CANARY_EXPIRES[BULK]
    for seconds in (0, 1):
        passed(BULK, expires + timedelta(seconds=seconds))
    for number in (1, 2, 3):
        passed(BULK, expires + number * CANARY_INTERVAL)
    canary = Canary.objects.get(queue=BULK)
    assert canary.too_soon_at
    assert not canary.doubled_at


# --- What waits in the database ---------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "level"), [(1, Level.OK), (GRACE + 5, Level.WARNING), (LONG.total_seconds() + 5, Level.FAILURE)]
)
def test_the_longer_the_outbox_is_not_emptied_the_worse(seconds: float, level: Level) -> None:
    now = timezone.now()
    row = OutboxMessage.objects.create(task_id="one", signature="{}", next_try_at=now, last_error="E: no")
    OutboxMessage.objects.filter(pk=row.pk).update(created_at=now - timedelta(seconds=seconds))
    [finding] = database.outbox()
    assert finding.level == level
    assert finding.finding.endswith(": E: no")


@pytest.mark.django_db
@pytest.mark.parametrize(("number", "level"), [(0, Level.OK), (1, Level.WARNING), (MANY_LETTERS + 1, Level.FAILURE)])
def test_many_dead_letters_are_a_failure(number: int, level: Level) -> None:
    DeadLetter.objects.bulk_create(DeadLetter(task_id=str(index), arguments="") for index in range(number))
    DeadLetter.objects.create(task_id="settled", arguments="", state=DeadLetter.State.DISCARDED)
    [finding] = database.dead_letters()
    assert finding.level == level


# --- What the management API says -------------------------------------------------------------------------------------

WANTED = dict.fromkeys(QUEUES, 5)


def policy(**definition: int) -> dict[str, Any]:
    """Return a queue as RabbitMQ 3.10 to 4.3 describe it; a policy that says nothing is a list."""
    return {"arguments": {"x-queue-type": "quorum"}, "policy": "p", "effective_policy_definition": definition or []}


@pytest.mark.parametrize(
    ("definition", "level"), [({}, Level.OK), ({"delivery-limit": 9}, Level.OK), ({"delivery-limit": 2}, Level.WARNING)]
)
def test_of_two_delivery_limits_the_lower_one_holds(definition: dict[str, int], level: Level) -> None:
    finding = rabbitmq_management.delivery_limit({BULK: policy(**definition)}, WANTED)
    assert finding.level == level
    assert ("bulk 2 instead of 5 (policy p)" in finding.finding) is (level is Level.WARNING)


@pytest.mark.parametrize(
    ("definition", "level"),
    [({}, Level.OK), ({"consumer-timeout": 3_600_000}, Level.OK), ({"consumer-timeout": 120_000}, Level.FAILURE)],
)
def test_a_consumer_timeout_is_longer_than_a_message_is_held(definition: dict[str, int], level: Level) -> None:
    """Of RabbitMQ 3.12 or later: an earlier one has no such policy."""
    assert rabbitmq_management.consumer_timeout({BULK: policy(**definition)}).level == level


@pytest.mark.parametrize("url", ["ftp://user:secret@host", "http:///", "host:15672"])
def test_a_management_url_that_is_none_is_not_printed(url: str) -> None:
    look = partial(rabbitmq_management.ask, url, "/api/queues")
    [finding] = examine([Probe("policies", lambda: [ok("", str(look()))], "")])
    assert finding.level is Level.FAILURE
    assert "http[s]://NAME:PASSWORD@HOST:PORT" in finding.finding
    assert "secret" not in finding.finding


def test_every_queue_has_a_delivery_limit_to_compare_with() -> None:
    for queue in [*app.amqp.queues.values(), dead_letter_queue("any")]:
        assert (queue.queue_arguments or {})["x-delivery-limit"]


@pytest.mark.parametrize("look", [partial(redis.server, loss=Level.FAILURE), redis.results])
def test_a_password_that_is_not_encoded_is_not_printed(look: Callable[..., Iterator[Finding]]) -> None:
    [finding] = examine([Probe("broker", partial(look, "broker", "redis://:top#secret@localhost:6379/0"), "")])
    assert "cannot be read" in finding.finding
    assert "top" not in finding.finding


# --- Clocks, Sentry and Flower ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "level", "side"),
    [(0.5, Level.OK, ""), (2, Level.WARNING, "ahead of"), (-2, Level.WARNING, "behind"), (60, Level.FAILURE, "ahead")],
)
def test_a_clock_that_differs(seconds: float, level: Level, side: str) -> None:
    finding = clocks.skew("clock", lambda: time.time() + seconds)
    assert finding.level == level
    assert side in finding.finding


def test_a_slow_answer_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answered = 100.0, 101.1
    monkeypatch.setattr(clocks, "time", SimpleNamespace(time=iter([asked, answered]).__next__))
    assert clocks.skew("clock", lambda: asked).level is Level.OK


@pytest.mark.parametrize(
    ("debug", "keys", "levels"),
    [
        (True, ("", ""), [Level.OK, Level.OK]),
        (False, ("", ""), [Level.WARNING, Level.WARNING]),
        (False, ("https://key@sentry", "name:password"), [Level.OK, Level.OK]),
        (False, ("https://key@sentry", "name"), [Level.OK, Level.WARNING]),
    ],
)
def test_monitors_may_be_off_in_development(
    settings: Any, monkeypatch: pytest.MonkeyPatch, debug: bool, keys: tuple[str, str], levels: list[Level]
) -> None:
    dsn, login = keys
    settings.DEBUG, settings.SENTRY_DSN = debug, dsn
    monkeypatch.setenv("FLOWER_BASIC_AUTH", login)
    assert [finding.level for finding in monitors.monitors()] == levels


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"redis_version": "6.2.14"}, Level.FAILURE),
        ({"redis_version": "7.0.15"}, Level.OK),
        ({"redis_version": "10.1.0"}, Level.OK),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, Level.OK),
    ],
)
def test_a_redis_that_is_too_old_is_found(info: dict[str, Any], level: Level) -> None:
    assert redis._version("broker", "redis://localhost", info, Level.FAILURE).level is level
