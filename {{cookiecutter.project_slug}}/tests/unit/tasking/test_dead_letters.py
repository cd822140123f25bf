"""Dead letters: what is kept of a failure, however it is told, and what a person can do about it."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import shared_task
from celery.app.trace import trace_task
from celery.exceptions import Reject
from celery.signals import task_failure
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.utils import timezone
from kombu.utils import json

from {{ cookiecutter.project_slug }}.tasking import task_log, tasks
from {{ cookiecutter.project_slug }}.tasking.arguments import MAX_SIZE, ArgumentError
from {{ cookiecutter.project_slug }}.tasking.dead_letters import recorder
from {{ cookiecutter.project_slug }}.tasking.dead_letters.collector import collect
from {{ cookiecutter.project_slug }}.tasking.dead_letters.models import DeadLetter
from {{ cookiecutter.project_slug }}.tasking.dead_letters.replay import RETENTION, NotWaitingError, discard, replay
from {{ cookiecutter.project_slug }}.tasking.models import OutboxMessage
from {{ cookiecutter.project_slug }}.tasking.outbox import publisher
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL, DEAD_LETTER, DEFAULT
from {{ cookiecutter.project_slug }}.tasking.task import Task

from config.celery import app

SEEN: list[Any] = []

#: What JSON alone would not bring back as it was.
VALUES = [datetime(2026, 1, 2, 3, 4, tzinfo=UTC), Decimal("1.10"), UUID(int=7)]


@shared_task(
    queue=BULK,
)
def ship_task(*values: Any, **named: Any) -> None:
    SEEN.append((list(values), named))


@shared_task(
    queue=BULK,
)
def break_task(*values: Any, error: str = "LookupError", **named: Any) -> None:
    raise {"Reject": Reject("no"), "Mute": MuteError()}.get(error) or LookupError("broken")


class Unkept(Task[..., Any]):
    abstract = True
    keep_dead_letter = False


@shared_task(
    base=Unkept,
    queue=BULK,
)
def break_unkept_task() -> None:
    raise LookupError


@shared_task(
    bind=True,
    queue=BULK,
)
def complain_task(self: Any, text: str) -> None:
    SEEN.append(text)
    if text == "raise":
        raise LookupError


class MuteError(Exception):
    """An error that fails when it is printed."""

    def __str__(self) -> str:
        raise LookupError


# Celery's types know no base class of a project's own.
ship: Any = ship_task
broken: Any = break_task
unkept: Any = break_unkept_task
complain: Any = complain_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


@pytest.fixture
def in_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs, runs in a child process of a worker; pytest's own process has the name of a worker's main one."""
    monkeypatch.setattr(recorder, "current_process", lambda: SimpleNamespace(name="ForkPoolWorker-1"))


def work(task: Any, *args: Any, **kwargs: Any) -> None:
    """Run a task as a worker does: its third try, as part of a workflow, after a delay on RabbitMQ."""
    place = {"root_id": "root", "parent_id": "parent", "group": "group"}
    delivery_info = {"exchange": "shop", "routing_key": f"0.1.1.{BULK}"}
    request = {"id": "one", "retries": 2, "delivery_info": delivery_info, **place}
    trace_task(task, "one", args, kwargs, request=request, app=app)


def refuse(*_: Any) -> None:
    raise ConnectionError


def close(connection: BaseDatabaseWrapper) -> None:
    """Close a connection to the database; SQLite's own method leaves one to memory open."""
    BaseDatabaseWrapper.close(connection)


def a_letter(**fields: Any) -> DeadLetter:
    """Return a letter that waits."""
    values = {
        "task_id": str(uuid4()),
        "task_name": ship.name,
        "queue": BULK,
        "arguments": json.dumps([VALUES, {"n": 1}]),
        "exception": "LookupError: broken",
    }
    return DeadLetter.objects.create(**{**values, **fields})


# --- What a worker records --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_child")
def test_a_failure_is_kept_with_all_that_is_known_of_it() -> None:
    before = timezone.now()
    work(broken, *VALUES, shop="north")
    letter = DeadLetter.objects.get()
    assert (letter.task_name, letter.task_id, letter.queue) == (broken.name, "one", BULK)
    assert letter.signature_arguments() == (VALUES, {"shop": "north"})
    assert letter.exception == "LookupError: broken"
    assert letter.traceback.startswith("Traceback (most recent call last)")
    assert "in break_task" in letter.traceback
    assert letter.attempts == 3
    assert (letter.root_id, letter.parent_id, letter.group_id) == ("root", "parent", "group")
    assert letter.state == DeadLetter.State.WAITING
    assert before <= letter.failed_at <= timezone.now()
    assert str(letter) == f"{broken.name}[one]"


@pytest.mark.usefixtures("in_child")
def test_a_failure_that_is_told_twice_is_kept_once_and_stays_settled() -> None:
    work(broken, 1)
    letter = DeadLetter.objects.get()
    discard(letter.pk)
    work(broken, 1)
    assert DeadLetter.objects.get().state == DeadLetter.State.DISCARDED


@pytest.mark.usefixtures("in_child")
@pytest.mark.parametrize(
    "fail",
    [
        lambda: broken.apply(throw=False),
        lambda: work(broken, error="Reject"),
        lambda: work(unkept),
        lambda: work(tasks.canary, "no such queue", "one argument too many"),
    ],
    ids=["eager", "rejected, which the broker keeps", "unwanted", "of the schedule"],
)
def test_what_is_kept_elsewhere_or_not_wanted_is_not_recorded(fail: Callable[[], Any]) -> None:
    fail()
    assert collect() == 0
    assert not DeadLetter.objects.exists()


@pytest.mark.usefixtures("in_child")
def test_an_error_that_cannot_be_printed_is_kept() -> None:
    work(broken, error="Mute")
    assert DeadLetter.objects.get().exception == "MuteError()"


def record(exception: Exception, **signal: Any) -> DeadLetter:
    """Tell of a failure by the signal and return the letter."""
    known: dict[str, Any] = {"task_id": "one", "args": (1,), "kwargs": {}, "traceback": None, "einfo": None}
    task_failure.send(sender=broken, exception=exception, **{**known, **signal})
    collect()
    return DeadLetter.objects.get()


@pytest.mark.parametrize("process", ["main", "child"])
def test_text_that_a_database_refuses_and_text_without_end_are_kept(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    """PostgreSQL takes no NUL, none takes half a character, a column is as long as it is."""
    # What is captured of the log passes between pytest's processes, which cannot send half a character either.
    monkeypatch.setattr(task_log.logger, "disabled", True)
    if process == "child":
        request.getfixturevalue("in_child")
    hostile = "a\0b\udc80c" + "x" * recorder.LONGEST_EXCEPTION
    letter = record(LookupError(hostile), task_id="one" * 100, einfo=SimpleNamespace(traceback=hostile * 11 + "end"))
    assert letter.exception.startswith("LookupError: a\\x00b\\udc80cxxx")
    assert len(letter.exception) < recorder.LONGEST_EXCEPTION + 10
    assert letter.traceback.endswith("xend")
    assert len(letter.traceback) < recorder.LONGEST_TRACEBACK + 100
    assert letter.task_id == ("one" * 100)[:255]
    assert len(letter.reason) == 100


def test_a_failure_whose_request_is_gone_has_its_arguments() -> None:
    """Celery tells so of a task that was done and whose result could not be stored."""
    letter = record(ConnectionError("no backend"), args=VALUES, kwargs={"n": 1})
    assert letter.signature_arguments() == (VALUES, {"n": 1})


def test_a_main_process_sends_it_to_the_queue_and_asks_no_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        work(broken, *VALUES, shop="north")
    assert collect() == 1
    assert collect() == 0
    letter = DeadLetter.objects.get()
    assert letter.signature_arguments() == (VALUES, {"shop": "north"})
    assert (letter.task_id, letter.attempts, letter.root_id) == ("one", 3, "root")
    assert "in break_task" in letter.traceback


@pytest.mark.usefixtures("in_child")
def test_if_the_database_is_away_it_is_sent_to_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as outage:
        outage.setattr(DeadLetter, "keep", refuse)
        work(broken, 1)
    assert not DeadLetter.objects.exists()
    assert collect() == 1
    assert DeadLetter.objects.get().task_id == "one"


@pytest.mark.django_db(transaction=True)
def test_if_the_broker_is_away_a_main_process_writes_it_and_keeps_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "publish", refuse)
    connection = connections["default"]
    # A test's SQLite lies in memory: it is never closed, for it would be gone, unless another connection holds it.
    other = connection.copy()
    other.ensure_connection()
    with monkeypatch.context() as as_if_in_a_file:
        as_if_in_a_file.setattr(connection, "is_in_memory_db", lambda: False, raising=False)
        work(broken, 1)
        assert connection.connection is None
    assert DeadLetter.objects.get().task_id == "one"
    close(other)


def test_if_both_are_away_the_log_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(recorder, "publish", refuse)
    monkeypatch.setattr(recorder, "write", refuse)
    work(broken, 1)
    told = [line for line in caplog.records if line.getMessage() == "dead letter not kept"]
    assert [vars(line)["failed_task_id"] for line in told] == ["one", "one"]


# --- What the broker keeps --------------------------------------------------------------------------------------------


@pytest.fixture
def bury(broker: Any) -> Callable[..., None]:
    """A function that puts a message among the dead letters, with the headers that RabbitMQ gives it."""

    def bury(body: Any, headers: dict[str, Any], reason: str = "rejected", **options: Any) -> None:
        deaths = [
            {"count": 1, "reason": reason, "queue": BULK, "exchange": "shop", "routing-keys": [f"0.0.1.{BULK}"]},
            # It was delayed before.
            {"count": 1, "reason": "expired", "queue": "celery_delayed_1", "exchange": "celery_delayed_27"},
        ]
        broker.Producer().publish(
            body,
            exchange=app.conf.task_default_exchange,
            routing_key=DEAD_LETTER,
            # The count is that of the deliveries as a dead letter.
            headers={"x-death": deaths, "x-delivery-count": 3, **headers},
            **{"serializer": "json", **options},
        )

    return bury


def task_message(name: str = "", **options: Any) -> tuple[Any, dict[str, Any]]:
    """Return the body and the headers of a task's message as Celery makes them."""
    place = {"root_id": "root", "parent_id": "parent", "group_id": "group"}
    known = {"retries": 2, "ignore_result": True, **place}
    message = app.amqp.as_task_v2("one", name or ship.name, tuple(VALUES), {"n": 1}, **{**known, **options})
    return message.body, message.headers


def test_what_its_workers_died_of_is_kept_and_who_waits_is_told(bury: Any) -> None:
    bury(*task_message(errbacks=[complain.si("lost")]), "delivery_limit")
    assert collect() == 1
    letter = DeadLetter.objects.get()
    assert (letter.task_name, letter.task_id, letter.queue) == (ship.name, "one", BULK)
    assert letter.signature_arguments() == (VALUES, {"n": 1})
    why = "Its worker died each time it was delivered, up to the delivery limit of its queue."
    assert letter.exception == f"WorkerLostError: {why}"
    assert letter.attempts == 3
    assert (letter.root_id, letter.parent_id, letter.group_id) == ("root", "parent", "group")
    assert SEEN == ["lost"]


def test_of_what_was_rejected_a_worker_has_told(bury: Any) -> None:
    bury(*task_message(errbacks=[complain.si("rejected")]))
    assert collect() == 1
    letter = DeadLetter.objects.get()
    assert letter.exception == "Reject: rejected: by the task itself, or by a worker that did not know it"
    assert (letter.queue, letter.attempts) == (BULK, 3)
    assert SEEN == []


def test_what_no_worker_knows_is_kept(bury: Any) -> None:
    bury(*task_message("no.such.task"))
    assert collect() == 1
    assert DeadLetter.objects.get().exception == "NotRegistered: no.such.task"


def test_what_expired_unread_is_no_failure(bury: Any) -> None:
    bury(*task_message(errbacks=[complain.si("expired")]), "expired")
    assert (collect(), collect()) == (1, 0)
    assert not DeadLetter.objects.exists()
    assert SEEN == []


def test_a_message_of_another_client_is_kept_as_a_task(bury: Any) -> None:
    """Protocol 1 has all in the body."""
    bury({"id": "one", "task": ship.name, "args": [1], "kwargs": {}, "retries": 1}, {})
    collect()
    letter = DeadLetter.objects.get()
    assert (letter.task_id, letter.task_name, letter.attempts) == ("one", ship.name, 2)
    assert letter.signature_arguments() == ([1], {})


UNREADABLE = {
    "broken": (b'{"broken\0\xff', "application/json", {}, "DecodeError: 'utf-8' codec"),
    "of another type": (b"cos\nsystem", "application/x-python-serialize", {}, "ContentDisallowed: Refusing to"),
    "not compressed": (b"x", "application/json", {"compression": "zlib"}, "DecodeError: Expecting value"),
    "no task's": (b"[1, 2]", "application/json", {}, "ValueError: not enough values"),
    "a number": (b"5", "application/json", {}, "TypeError: "),
}


@pytest.mark.parametrize("unreadable", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("known", [{"id": "one", "task": ship.name}, {}], ids=["named", "nameless"])
def test_what_cannot_be_read_is_kept_as_it_is(
    bury: Any, known: dict[str, Any], unreadable: tuple[bytes, str, dict[str, Any], str]
) -> None:
    body, content_type, headers, error = unreadable
    for _ in range(2):
        bury(body, {**headers, **known}, serializer=None, content_type=content_type, content_encoding="utf-8")
    assert collect() == 2
    letter = DeadLetter.objects.get()
    assert letter.exception.startswith(f"DecodeError: {error}")
    assert (letter.task_name, letter.queue) == (known.get("task", ""), BULK)
    assert str(letter).startswith(f"{ship.name}[one]" if known else "unreadable message[")
    assert letter.call == letter.arguments == body.decode(errors="backslashreplace").replace("\0", "\\x00")
    with pytest.raises(NotWaitingError, match=rf"^Dead letter {letter.pk} cannot be replayed: its message was unread"):
        replay(letter.pk)
    discard(letter.pk)


def test_a_letter_that_this_version_does_not_know_is_kept_as_it_is(bury: Any) -> None:
    bury({"task_id": "one", "a_field_of_tomorrow": 1}, {recorder.LETTER: True})
    assert collect() == 1
    assert "a_field_of_tomorrow" in DeadLetter.objects.get().arguments


def test_a_second_delivery_adds_nothing_and_does_not_reopen(bury: Any) -> None:
    bury(*task_message(), "delivery_limit")
    collect()
    discard(DeadLetter.objects.get().pk)
    bury(*task_message(), "delivery_limit")
    assert collect() == 1
    assert DeadLetter.objects.get().state == DeadLetter.State.DISCARDED


def test_an_errback_that_fails_costs_no_letter_and_is_not_called_again(
    bury: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bury(*task_message(errbacks=[complain.si("raise")]), "delivery_limit")
    assert (collect(), collect()) == (1, 0)
    assert DeadLetter.objects.get().task_id == "one"
    assert SEEN == ["raise"]
    assert "not all who wait for it could be told" in caplog.text


def test_a_message_that_cannot_be_written_holds_up_no_other(bury: Any, caplog: pytest.LogCaptureFixture) -> None:
    bury(*task_message(retries=10**30))
    body, headers = task_message()
    bury(body, {**headers, "id": "two"})
    assert collect() == 1
    assert DeadLetter.objects.get().task_id == "two"
    assert "message stays among the dead letters" in caplog.text


def test_an_outage_ends_the_run(bury: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bury(*task_message())
    monkeypatch.setattr(DeadLetter, "keep", refuse)
    with pytest.raises(ConnectionError):
        collect()


def test_the_schedule_collects(bury: Any, caplog: pytest.LogCaptureFixture) -> None:
    bury(*task_message())
    with caplog.at_level(logging.WARNING):
        tasks.collect_dead_letters.delay()
        tasks.collect_dead_letters.delay()
    assert DeadLetter.objects.count() == 1
    assert [vars(line)["collected"] for line in caplog.records if "collected" in vars(line)] == [1]


# --- What a person does about it --------------------------------------------------------------------------------------


def test_a_replay_sends_the_same_once(django_capture_on_commit_callbacks: Any) -> None:
    letter = a_letter(root_id="root", group_id="group")
    with django_capture_on_commit_callbacks(execute=True):
        replayed_as = replay(letter.pk)
        row = OutboxMessage.objects.get()
        assert row.task_id == replayed_as != letter.task_id
        message = json.loads(row.signature)
        assert (message["task"], message["args"], message["kwargs"]) == (ship.name, VALUES, {"n": 1})
        assert (message["options"]["root_id"], message["options"]["queue"]) == ("root", BULK)
        assert "group_id" not in message["options"], "its chord has failed"
    assert SEEN == [(VALUES, {"n": 1})]
    letter.refresh_from_db()
    assert (letter.state, letter.replayed_as) == (DeadLetter.State.REPLAYED, replayed_as)
    assert letter.settled_at is not None
    for act in (replay, discard):
        with pytest.raises(NotWaitingError, match=rf"^Dead letter {letter.pk} is replayed already\.$"):
            act(letter.pk)
    assert SEEN == [(VALUES, {"n": 1})]


@pytest.mark.parametrize("queue", ["", "dead_letter", "renamed"])
def test_a_queue_that_is_no_more_is_that_of_the_task(queue: str) -> None:
    replay(a_letter(queue=queue).pk)
    assert "queue" not in json.loads(OutboxMessage.objects.get().signature)["options"]


def test_what_may_not_be_sent_is_not_replayed() -> None:
    letter = a_letter(arguments=json.dumps([["x" * MAX_SIZE], {}]))
    with pytest.raises(ArgumentError, match="Store the data"):
        replay(letter.pk)
    letter.refresh_from_db()
    assert letter.state == DeadLetter.State.WAITING
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    "arguments", ["[1, 2]", "5", "[]", '"ab"', '[[], {"__type__": "decimal", "__value__": "x"}]', ""]
)
def test_what_only_looks_like_arguments_is_refused(arguments: str) -> None:
    with pytest.raises(NotWaitingError, match="unreadable"):
        replay(a_letter(arguments=arguments).pk)


@pytest.mark.parametrize("act", [replay, discard])
def test_a_letter_that_is_not_there(act: Callable[[int], object]) -> None:
    with pytest.raises(NotWaitingError, match=r"^There is no dead letter 7\.$"):
        act(7)


@pytest.mark.django_db(transaction=True)
def test_two_who_replay_at_a_time_send_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is published after the commit would meet the other's lock on a test's SQLite.
    monkeypatch.setattr(publisher, "_publish_now", lambda _: None)
    letter = a_letter()
    start = Barrier(2)

    def person(_: int) -> str:
        start.wait()
        try:
            while True:
                try:
                    return replay(letter.pk)
                except OperationalError:  # a test's SQLite, in memory, does not wait for a lock
                    continue
        except NotWaitingError as error:
            return str(error)
        finally:
            close(connections["default"])

    with ThreadPoolExecutor(2) as people:
        answers = list(people.map(person, range(2)))
    letter.refresh_from_db()
    assert sorted(answers) == sorted([letter.replayed_as, f"Dead letter {letter.pk} is replayed already."])
    assert [row.task_id for row in OutboxMessage.objects.all()] == [letter.replayed_as]


def test_a_discarded_one_stays_and_sends_nothing() -> None:
    letter = a_letter()
    discard(letter.pk)
    letter.refresh_from_db()
    assert letter.state == DeadLetter.State.DISCARDED
    assert letter.settled_at is not None
    assert not OutboxMessage.objects.exists()
    with pytest.raises(NotWaitingError, match=rf"^Dead letter {letter.pk} is discarded already\.$"):
        replay(letter.pk)


def test_settled_ones_are_deleted_in_time_and_waiting_ones_wait() -> None:
    old = timezone.now() - RETENTION - timedelta(minutes=1)
    a_letter(failed_at=old, state=DeadLetter.State.REPLAYED, settled_at=old)
    waiting = a_letter(failed_at=old)
    settled = a_letter(failed_at=old, state=DeadLetter.State.DISCARDED, settled_at=timezone.now())
    tasks.purge.delay()
    assert set(DeadLetter.objects.all()) == {waiting, settled}


# --- The admin --------------------------------------------------------------------------------------------------------

ADMIN = "/admin/tasking/deadletter/"


def act_on(client: Client, action: str, *letters: DeadLetter) -> str:
    """Do something to letters in the admin and return the page that follows."""
    data = {"action": action, "_selected_action": [letter.pk for letter in letters]}
    return client.post(ADMIN, data, follow=True).content.decode()


def test_the_admin_lists_and_finds(admin_client: Client) -> None:
    first = a_letter(root_id="root-of-the-first", exception="LookupError: " + "long " * 50 + "\nand more")
    second = a_letter(arguments=json.dumps([["the second's"], {}]))
    page = admin_client.get(ADMIN).content.decode()
    assert first.task_id in page
    assert second.task_id in page
    assert "and more" not in page
    for query in (first.task_id, "root-of-the-first", "long long"):
        page = admin_client.get(ADMIN, {"q": query}).content.decode()
        assert first.task_id in page
        assert second.task_id not in page
    assert first.task_id not in admin_client.get(ADMIN, {"state__exact": "replayed"}).content.decode()


def test_the_admin_shows_a_letter_as_a_person_reads_it(admin_client: Client) -> None:
    letter = a_letter(arguments=json.dumps([[VALUES[0], Decimal("1.10"), "<b>"], {"n": 1}]), traceback="a\n  b <i>")
    page = admin_client.get(f"{ADMIN}{letter.pk}/change/").content.decode()
    assert "datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc), Decimal(&#x27;1.10&#x27;), " in page
    assert "&lt;b&gt;&#x27;, n=1)" in page
    assert "<pre>a\n  b &lt;i&gt;</pre>" in page
    assert "__type__" not in page
    assert "Save" not in page


def test_the_admin_replays_and_discards(admin_client: Client, django_capture_on_commit_callbacks: Any) -> None:
    waiting, settled, unreadable = a_letter(), a_letter(state=DeadLetter.State.DISCARDED), a_letter(arguments="{")
    with django_capture_on_commit_callbacks(execute=True):
        page = act_on(admin_client, "replay_selected", waiting, settled, unreadable)
    assert "1 replayed." in page
    assert f"Dead letter {settled.pk} is discarded already." in page
    assert f"Dead letter {unreadable.pk} cannot be replayed: its message was unreadable. Discard it." in page
    assert SEEN == [(VALUES, {"n": 1})]
    assert "1 discarded." in act_on(admin_client, "discard_selected", unreadable)
    unreadable.refresh_from_db()
    assert unreadable.state == DeadLetter.State.DISCARDED


@pytest.mark.parametrize("may_change", [True, False])
def test_the_admins_actions_need_the_permission_to_change(client: Client, may_change: bool) -> None:
    person = User.objects.create_user("person", is_staff=True)
    person.user_permissions.set(
        Permission.objects.filter(codename__in=["view_deadletter", *(["change_deadletter"] if may_change else [])])
    )
    client.force_login(person)
    letter = a_letter()
    assert letter.task_id in client.get(ADMIN).content.decode()
    for action in ("replay_selected", "discard_selected"):
        assert (action in client.get(ADMIN).content.decode()) is may_change
    act_on(client, "discard_selected", letter)
    letter.refresh_from_db()
    assert letter.state == (DeadLetter.State.DISCARDED if may_change else DeadLetter.State.WAITING)


def test_the_admin_adds_changes_and_deletes_nothing(admin_client: Client) -> None:
    letter = a_letter()
    assert admin_client.get(f"{ADMIN}add/").status_code == 403
    assert admin_client.post(f"{ADMIN}{letter.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{ADMIN}{letter.pk}/change/", {"state": "replayed"}).status_code == 403
    act_on(admin_client, "delete_selected", letter)
    letter.refresh_from_db()
    assert letter.state == DeadLetter.State.WAITING


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def manage(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """A function that runs `manage.py dead_letters` and returns the lines it prints."""

    def manage(*arguments: object) -> list[str]:
        call_command("dead_letters", *map(str, arguments))
        return capsys.readouterr().out.splitlines()

    return manage


def test_the_list(manage: Any) -> None:
    first = a_letter(failed_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), exception="LookupError: broken\nin two lines")
    second = a_letter(queue=CRITICAL, task_name=broken.name)
    third = a_letter(state=DeadLetter.State.DISCARDED)
    line = f"{first.pk:>6}  2026-01-02 03:04  bulk      {ship.name}[{first.task_id}]  LookupError: broken"
    listed = manage("list")
    assert listed[1:] == [line, "2 of 2"]
    assert second.task_id in listed[0]
    assert manage("list", "--task", ship.name) == [line, "1 of 1"]
    assert manage("list", "--queue", BULK) == [line, "1 of 1"]
    assert manage("list", "--limit", 1) == [listed[0], "1 of 2"]
    assert manage("list", "--task", broken.name, "--queue", BULK) == ["0 of 0"]
    assert third.task_id in manage("list", "--state", "discarded")[0]


def test_the_list_has_what_the_broker_kept_just_now(manage: Any, bury: Any) -> None:
    bury(*task_message())
    assert "[one]" in manage("list")[0]


def test_everything_about_one(manage: Any) -> None:
    letter = a_letter(traceback="Traceback\n  in ship")
    shown = manage("show", letter.pk)
    assert f"task id: {letter.task_id}" in shown
    assert f"arguments: {ship.name}({', '.join(map(repr, VALUES))}, n=1)" in shown
    assert "traceback: Traceback" in shown
    assert "  in ship" in shown
    assert not any(line.startswith("settled") for line in shown)


def test_some_are_replayed_by_id(manage: Any) -> None:
    first, second, other = a_letter(), a_letter(), a_letter()
    printed = manage("replay", second.pk, first.pk)
    for letter in (first, second, other):
        letter.refresh_from_db()
    assert printed == [f"{letter.pk}: replayed as {letter.replayed_as}" for letter in (second, first)]
    assert other.state == DeadLetter.State.WAITING


def test_all_of_a_task_are_replayed_the_oldest_first(manage: Any) -> None:
    letters = [a_letter() for _ in range(2)]
    other = a_letter(task_name=broken.name)
    a_letter(state=DeadLetter.State.DISCARDED)
    printed = manage("replay", "--all", "--task", ship.name)
    assert [line.partition(":")[0] for line in printed] == [str(letter.pk) for letter in letters]
    assert manage("replay", "--all", "--task", ship.name) == []
    assert manage("discard", "--all", "--queue", DEFAULT) == []
    assert manage("discard", "--all", "--queue", BULK) == [f"{other.pk}: discarded"]


def test_some_are_discarded(manage: Any) -> None:
    letter, other = a_letter(), a_letter()
    assert manage("discard", letter.pk) == [f"{letter.pk}: discarded"]
    assert list(DeadLetter.objects.filter(state=DeadLetter.State.WAITING)) == [other]


def test_what_is_refused_is_said_and_the_others_are_done(manage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settled, waiting = a_letter(state=DeadLetter.State.REPLAYED), a_letter()
    large = a_letter(arguments=json.dumps([["x" * MAX_SIZE], {}]))
    with pytest.raises(CommandError, match=r"^3 of 4 not done$") as failure:
        manage("replay", settled.pk, waiting.pk, large.pk, 99_999)
    assert failure.value.returncode == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{waiting.pk}: replayed as ")
    assert f"Dead letter {settled.pk} is replayed already.\n" in said.err
    assert "Store the data and pass its id.\n" in said.err
    assert "There is no dead letter 99999.\n" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "7"], r"^There is no dead letter 7\.$"),
        (["replay"], r"^Name the ids, or give --all\.$"),
        (["replay", "7", "--all"], r"^Name the ids, or give --all\.$"),
        (["discard"], r"^Name the ids, or give --all\.$"),
        (["discard", "7"], r"^1 of 1 not done$"),
        (["list", "--state", "lost"], r"invalid choice: 'lost' \(choose from .*waiting.*replayed.*discarded"),
        ([], r"required: list\|show\|replay\|discard"),
    ],
)
def test_what_it_cannot_do(manage: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message) as failure:
        manage(*arguments)
    assert failure.value.returncode == 1


def test_a_broker_that_is_away_is_only_a_warning(
    manage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = a_letter()
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://127.0.0.1:1//")
    call_command("dead_letters", "discard", str(letter.pk))
    said = capsys.readouterr()
    assert said.err.startswith("The broker does not answer, so there may be more: ")
    assert said.out == f"{letter.pk}: discarded\n"
