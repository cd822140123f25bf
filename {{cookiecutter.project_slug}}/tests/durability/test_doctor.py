"""`manage.py doctor` on a system that works, and on one in which something is broken: each line, for real."""

import json
import logging
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import kombu
import pytest
from redis import Redis as Client

from {{ cookiecutter.project_slug }}.tasking import health
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, CRITICAL, DEAD_LETTER, DEFAULT, QUEUES

from sandbox.brokers import HOST, RabbitMQ, Redis, Server
from sandbox.project import ROOT

from .conftest import installed, stage
from .shop import Shop

pytestmark = [pytest.mark.broker, pytest.mark.slow]

logger = logging.getLogger(__name__)

#: Seconds in which it ends, whatever is down; of these, what a start of Python and Django may take.
LIMIT, START = 5, 1.5

#: Beat, as users start it.
BEAT = ("-m", "celery", "--app=config", "beat")

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass
class Diagnosis:
    """What the doctor said: the lines by their subject, in their order."""

    lines: dict[str, dict[str, str]]
    code: int
    seconds: float

    def __getitem__(self, subject: str) -> str:
        """What was found there."""
        return self.lines[subject]["finding"]

    def remedy(self, subject: str) -> str:
        return self.lines[subject]["remedy"]

    @property
    def unwell(self) -> dict[str, str]:
        """The level of each line that is not ok."""
        return {subject: line["level"] for subject, line in self.lines.items() if line["level"] != OK}


def run_doctor(shop: Shop, *flags: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command; it says nothing but its lines, and no password."""
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", *flags],
        cwd=ROOT,
        env=shop.project.environment | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert all(server.password not in done.stdout for server in (shop.broker, shop.results))
    assert "secret" not in done.stdout
    return done


def diagnose(shop: Shop, **environment: str) -> Diagnosis:
    """Ask the doctor, whose exit code is that of its worst line."""
    start = time.monotonic()
    done = run_doctor(shop, "--format=json", **environment)
    seconds = time.monotonic() - start
    lines = json.loads(done.stdout)
    diagnosis = Diagnosis({line["subject"]: line for line in lines}, done.returncode, seconds)
    assert len(diagnosis.lines) == len(lines)
    assert all(bool(line["remedy"]) is (line["level"] != OK) for line in lines)
    assert diagnosis.code == (FAILURE in diagnosis.unwell.values())
    return diagnosis


def diagnosed(shop: Shop, unwell: dict[str, str], perhaps: str = "") -> Diagnosis:
    """Wait until these lines and no others are not ok, but `perhaps` one, and return what the doctor says then."""

    def probe() -> Diagnosis | None:
        diagnosis = diagnose(shop)
        logger.info("not ok: %s", diagnosis.unwell)
        told = {subject: level for subject, level in diagnosis.unwell.items() if subject != perhaps}
        return diagnosis if told == unwell else None

    found = shop.wait_for(f"not ok: {unwell}", probe)
    assert found
    return found


def is_in_time(shop: Shop, diagnosis: Diagnosis) -> bool:
    """Whether it took no longer than it may, or only as much longer as a bare start takes on this busy machine."""
    if diagnosis.seconds < LIMIT:
        return True
    start = time.monotonic()
    run_doctor(shop, "--help")
    return diagnosis.seconds - (time.monotonic() - start) < LIMIT - START


def heal(shop: Shop) -> None:
    """Wait until all is well again."""
    diagnosed(shop, {})


def execute(shop: Shop, statement: str) -> Any:
    """Execute a statement in the database of the project, and return the first value that it gives."""
    with closing(sqlite3.connect(shop.folder / "db.sqlite3", autocommit=True)) as database:
        return (database.execute(statement).fetchone() or [None])[0]


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Redis]]:
    """Each broker, with a Redis for results, which is the broker itself where that is one."""
    with installed(Redis) as results:
        if request.param == "redis":
            yield results, results
            return
        with installed(partial(RabbitMQ, management=True)) as rabbitmq:
            yield rabbitmq, results


@pytest.fixture(scope="module")
def system(
    servers: tuple[Server, Redis],
    ledger_server: Redis,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Iterator[Shop]:
    """The project at work on each broker: workers on all queues, beat, canaries passed. A test mends what it breaks."""
    broker, results = servers
    for shop in stage(broker, results, ledger_server, tmp_path_factory.mktemp("system"), pytestconfig):
        shop.project.environment["DJANGO_SETTINGS_MODULE"] = "tests.durability.chirping"
        if isinstance(broker, RabbitMQ):
            shop.project.environment["RABBITMQ_MANAGEMENT_URL"] = broker.management_url
        for queue in QUEUES:
            shop.start("manage.py", "worker", queue, name=queue)
        shop.start(*BEAT, name="beat")
        heal(shop)
        yield shop


@pytest.fixture
def rabbitmq(system: Shop) -> RabbitMQ:
    assert isinstance(system.broker, RabbitMQ)
    return system.broker


#: What is the same on both brokers, or is on one of them only.
on_redis = pytest.mark.parametrize("servers", ["redis"], indirect=True)
on_rabbitmq = pytest.mark.parametrize("servers", ["rabbitmq"], indirect=True)


def of_broker(shop: Shop) -> dict[str, str]:
    """Return the lines of a broker that does not answer; where it is the Redis of results too, theirs as well."""
    more = ["beat", "results", "clock of Redis"] if shop.on_redis else ["broker alarms", "policies"]
    return dict.fromkeys(["broker", "queues", "workers", *more], FAILURE)


def test_a_healthy_system(system: Shop) -> None:
    """Nothing is broken. Promise: every line is ok, and says what is there."""
    diagnosis = diagnose(system)
    logger.info("healthy on %s: %.1f s", system.broker.name, diagnosis.seconds)
    assert diagnosis.unwell == {}
    assert is_in_time(system, diagnosis)
    assert ":**@" in diagnosis["broker"]
    for queue in QUEUES:
        assert diagnosis[f"worker {queue}"].startswith(f"{queue}@")
        assert diagnosis[f"canary {queue}"].startswith("passed ")
        assert system.on_redis or "1 consumer" in diagnosis[f"queue {queue}"]
    assert diagnosis["beat"].startswith("one leads, seen ")

    text = run_doctor(system)
    assert text.returncode == 0
    assert text.stdout.splitlines()[-1] == f"{len(diagnosis.lines)} ok"


def test_the_broker_hangs_and_dies_and_the_outbox_fills(system: Shop) -> None:
    """The broker is stopped with SIGSTOP; then killed, and a message is committed; at last everything is away.

    Promise: each time it ends in five seconds, with the lines that are about the broker; and what waits is told.
    """
    system.broker.pause()
    try:
        paused = diagnose(system)
    finally:
        system.broker.resume()
    logger.info("%s paused: %.1f s", system.broker.name, paused.seconds)
    assert is_in_time(system, paused)
    assert paused.unwell == of_broker(system)
    heal(system)

    system.broker.kill()
    try:
        system.run("with transaction.atomic(): note.delay_on_commit('late')")
        execute(system, "UPDATE tasking_outboxmessage SET created_at = datetime(created_at, '-1 minute')")
        killed = diagnose(system)
        assert killed.unwell == {**of_broker(system), "outbox": WARNING}
        assert "refused" in killed["broker"]
        assert "CELERY_BROKER_URL" in killed.remedy("broker")
        assert killed["outbox"].startswith("1 message, the oldest for 6")
        assert "manage.py outbox" in killed.remedy("outbox")

        system.results.kill()
        with socket.create_server((HOST, 0)) as silent:  # takes connections, and says nothing
            nowhere = f"postgres://name:secret@{HOST}:{silent.getsockname()[1]}/shop"
            down = diagnose(system, DATABASE_URL=nowhere)
        logger.info("everything away, %s: %.1f s", system.broker.name, down.seconds)
        assert is_in_time(system, down)
        assert set(down.lines) - set(down.unwell) == {"Sentry", "Flower"}
        assert "no answer within" in down["database"]
    finally:
        system.results.start()
        system.broker.start()
    heal(system)  # beat had the outbox emptied


def test_no_worker_reads_a_queue(system: Shop) -> None:
    """The worker of one queue is killed; beat goes on. Promise: its queue, its worker and its canary are told."""
    system.kill(CRITICAL)
    unwell = {f"worker {CRITICAL}": FAILURE, f"canary {CRITICAL}": FAILURE}
    # On Redis nobody knows who reads a list, but how old its last element is. Each canary waits there from now on.
    unwell[f"queue {CRITICAL}"] = WARNING if system.on_redis else FAILURE
    # On RabbitMQ a canary that has expired is a dead letter, until it is collected.
    diagnosis = diagnosed(system, unwell, perhaps=f"queue {DEAD_LETTER}")
    assert diagnosis[f"canary {CRITICAL}"].endswith(", late")
    queue = diagnosis[f"queue {CRITICAL}"]
    assert ("waiting, the oldest for" in queue) if system.on_redis else ("waiting, no consumer" in queue)
    assert diagnosis.remedy(f"worker {CRITICAL}") == f"Start it: manage.py worker {CRITICAL}"

    system.start("manage.py", "worker", CRITICAL, name=CRITICAL)
    heal(system)


@on_redis
def test_beat_is_away_or_there_are_two(system: Shop, tmp_path: Path) -> None:
    """Beat is stopped; started; a second one of its kind joins; then one with another scheduler.

    Promise: none is a failure, two of ours are fine, two that both send are a warning.
    """
    assert system.project.stop("beat") == 0
    none = diagnose(system)
    assert none.unwell == {"beat": FAILURE}
    assert none["beat"].startswith("none leads: the last canary was sent ")

    for name, state in (("beat", health.LEADING), ("standby", health.STANDBY)):
        system.project.environment["HEALTH_DIR"] = str(tmp_path / name)
        system.start(*BEAT, name=name)
        heartbeat = tmp_path / name / health.BEAT
        system.wait_for(name, partial(_holds, heartbeat, state))
    await_canaries(system, 2)
    assert diagnose(system).unwell == {}
    system.project.stop("standby")

    schedule = f"--schedule={tmp_path / 'schedule'}"
    system.start(*BEAT, "--scheduler=celery.beat:PersistentScheduler", schedule, name="other")
    two = diagnosed(system, {"second beat": WARNING})
    assert "two beats send" in two["second beat"]
    assert "--scheduler" in two.remedy("second beat")
    system.project.stop("other")
    await_canaries(system, 1)  # it may have come too soon after the other's last
    execute(system, "UPDATE tasking_canary SET too_soon_at = NULL, doubled_at = NULL")


def _holds(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


def await_canaries(shop: Shop, number: int) -> None:
    """Wait until so many more canaries have passed the queue `critical`."""
    seen = set()

    def count() -> int:
        seen.add(execute(shop, f"SELECT passed_at FROM tasking_canary WHERE queue = '{CRITICAL}'"))
        return len(seen) - 1

    shop.wait_for("canaries", lambda: count() >= number)


def test_dead_letters(system: Shop) -> None:
    """A task fails for good. Promise: it is told, with the command to look at it."""
    system.run("fail.delay('letter', 'bug')")
    diagnosis = diagnosed(system, {"dead letters": WARNING})
    assert diagnosis["dead letters"].startswith("1 waiting, the latest ")
    assert diagnosis["dead letters"].endswith("tests.durability.ledger.fail")
    assert diagnosis.remedy("dead letters").startswith("manage.py dead_letters list")
    execute(system, "UPDATE tasking_deadletter SET state = 'discarded'")


@on_redis
def test_a_clock_is_wrong(system: Shop) -> None:
    """This machine's clock is ahead. Promise: over one second is a warning, over five a failure."""
    for skew, level in (("2.5", WARNING), ("60", FAILURE)):
        diagnosis = diagnose(system, CLOCK_SKEW=skew)
        assert diagnosis.unwell == {"clock of Redis": level}
        assert "behind this machine" in diagnosis["clock of Redis"]


@on_redis
def test_a_migration_is_missing(system: Shop, tmp_path: Path) -> None:
    """A database without the tables of `tasking`. Promise: the migration is named, and what depends on it fails."""
    execute(system, f"VACUUM INTO '{tmp_path / 'db.sqlite3'}'")
    copy = {"DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
    command = [sys.executable, "manage.py", "migrate", "tasking", "zero", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT, env=system.project.environment | copy, check=True)
    diagnosis = diagnose(system, **copy)
    broken = ("migrations", "canaries", "second beat", "dead letters", "outbox")
    assert diagnosis.unwell == dict.fromkeys(broken, FAILURE)
    assert diagnosis["migrations"] == "1 not applied: tasking.0001_initial"
    assert diagnosis.remedy("migrations") == "manage.py migrate"


# --- Redis ------------------------------------------------------------------------------------------------------------


@contextmanager
def configured(server: Redis, **options: str | int) -> Iterator[None]:
    """Have a Redis run with other options for a while."""
    with Client.from_url(server.url, decode_responses=True) as client:
        before = {name: client.config_get(name)[name] for name in options}
        try:
            for name, value in options.items():
                client.config_set(name, value)
            yield
        finally:
            for name, value in before.items():
                client.config_set(name, value)


def test_a_redis_that_forgets(system: Shop) -> None:
    """Its options are changed while it runs. Promise: as a broker that is a failure, for results only a warning."""
    prefix, level = ("broker", FAILURE) if system.on_redis else ("results", WARNING)
    lossy = {"maxmemory-policy": "allkeys-lru", "appendfsync": "everysec"}
    with configured(system.results, **lossy):
        diagnosis = diagnose(system)
    assert diagnosis.unwell == {f"{prefix} memory": level, f"{prefix} fsync": WARNING}
    assert diagnosis[f"{prefix} memory"].startswith("allkeys-lru")
    assert diagnosis[f"{prefix} fsync"].startswith("everysec")

    with Client.from_url(system.results.url) as client:
        # So much that the rest has room for whoever connects: a Redis that is full refuses the doctor's questions.
        client.setrange("ballast", 20_000_000, "end")
        nearly = int(client.info("memory")["used_memory"] * 1.05)
    with configured(system.results, appendonly="no", maxmemory=nearly):
        diagnosis = diagnose(system)
    assert diagnosis.unwell == {f"{prefix} data": level, f"{prefix} memory": WARNING}
    assert diagnosis[f"{prefix} data"].startswith("appendonly no")


@on_redis
def test_a_redis_that_shows_nothing(system: Shop) -> None:
    """A user that may not CONFIG, as on a managed Redis; one that may not even INFO. Promise: warnings, no crash."""
    url = system.results.url
    with Client.from_url(url) as client:
        for user, *refused in (("careful", "-config"), ("blind", "-config", "-info")):
            client.execute_command("ACL", "SETUSER", user, "on", ">secret", "~*", "&*", "+@all", *refused)
    address = f"{HOST}:{system.broker.port}/0"
    careful = diagnose(system, CELERY_BROKER_URL=f"redis://careful:secret@{address}")
    assert careful.unwell == {"broker fsync": WARNING}
    assert "cannot be seen" in careful["broker fsync"]
    blind = diagnose(system, CELERY_BROKER_URL=f"redis://blind:secret@{address}")
    assert blind.unwell == {"broker data": WARNING}
    assert "cannot be seen" in blind["broker data"]


# --- RabbitMQ ---------------------------------------------------------------------------------------------------------


@on_rabbitmq
def test_results_are_away(system: Shop, rabbitmq: RabbitMQ) -> None:
    """The Redis of results dies. Promise: it is told, and the schedule's lock is out of sight."""
    system.results.kill()
    try:
        assert diagnose(system).unwell == dict.fromkeys(("beat", "results", "clock of Redis"), FAILURE)
    finally:
        system.results.start()
    heal(system)


@on_rabbitmq
def test_a_memory_alarm(system: Shop, rabbitmq: RabbitMQ) -> None:
    """RabbitMQ may use no memory any more. Promise: it is told why nothing is taken, and no connection is left over."""
    before = connections(rabbitmq)
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.00001")
    try:
        diagnosis = diagnose(system)
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    assert diagnosis["broker alarms"] == "RabbitMQ takes no messages: low on memory"
    # Nor does it take the question to the workers.
    assert diagnosis.unwell == {"broker alarms": FAILURE, "workers": FAILURE}
    assert is_in_time(system, diagnosis)
    heal(system)
    system.wait_for("no connection more than before", lambda: connections(rabbitmq) <= before)


def connections(rabbitmq: RabbitMQ) -> int:
    return len(rabbitmq.ctl("list_connections", "pid").splitlines())


def test_what_is_delayed(system: Shop) -> None:
    """A task is sent with a delay. Promise: it is seen where the broker holds it."""
    system.run("note.apply_async(['later'], countdown=3600)")
    if system.on_redis:
        assert diagnose(system)[f"queue {DEFAULT}"] == "1 delayed"
        with Client.from_url(system.broker.url) as client:
            client.delete(f"{DEFAULT}:delayed")
        return
    assert diagnose(system)["delayed"].startswith("1 message in ")


@on_rabbitmq
def test_policies(system: Shop, rabbitmq: RabbitMQ) -> None:
    """A policy lowers the delivery limit. Promise: it is told by the management API, and else that nothing is."""
    limit = json.dumps({"delivery-limit": 2})
    rabbitmq.ctl("set_policy", "-p", rabbitmq.virtual_host, "lower", f"^{BULK}$", limit, "--apply-to", "queues")
    try:
        unseen = diagnose(system, RABBITMQ_MANAGEMENT_URL="")
        assert unseen.unwell == {"policies": WARNING}
        assert "RABBITMQ_MANAGEMENT_URL" in unseen.remedy("policies")
        wrong = rabbitmq.management_url.replace(rabbitmq.password, "secret")
        refused = diagnose(system, RABBITMQ_MANAGEMENT_URL=wrong)
        assert refused.unwell == {"policies": FAILURE}
        assert "401" in refused["policies"]
        # The API tells what it has collected, each five seconds.
        lowered = diagnosed(system, {"delivery limit": WARNING})
        assert lowered["delivery limit"] == "lowered: bulk 2 instead of 5 (policy lower)"
    finally:
        rabbitmq.ctl("clear_policy", "-p", rabbitmq.virtual_host, "lower")


# --- Nobody works -----------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(
    servers: tuple[Server, Redis], ledger_server: Redis, tmp_path: Path, pytestconfig: pytest.Config
) -> Iterator[Shop]:
    """The project on each broker, with nothing in it and no process."""
    broker, _ = servers
    with ExitStack() as started:
        results = started.enter_context(Redis())
        if isinstance(broker, RabbitMQ):
            started.enter_context(broker.fresh())
        else:
            broker = results
        for shop in stage(broker, results, ledger_server, tmp_path, pytestconfig):
            shop.project.environment["DJANGO_SETTINGS_MODULE"] = "tests.durability.chirping"
            yield shop


def contents(broker: Server) -> dict[str, Any]:
    """Return all that a broker holds, byte by byte or in RabbitMQ's own figures."""
    if isinstance(broker, RabbitMQ):
        columns = ("name", "type", "messages_ready", "messages_unacknowledged", "consumers", "arguments")
        listing = broker.ctl("list_queues", "-p", broker.virtual_host, "--formatter=json", *columns)
        return {
            queue["name"]: queue for queue in json.loads(listing) if not queue["name"].endswith(".reply.celery.pidbox")
        }
    with Client.from_url(broker.url) as client:
        # kombu notes there when the queue for answers is out of date, and has workers sweep it.
        return {key.decode(): client.dump(key) for key in client.scan_iter() if b"deadlines" not in key}


def test_nobody_works_and_nothing_is_disturbed(idle: Shop) -> None:
    """Messages wait, one queue is missing, one is of another kind, a dead letter is not collected; no process runs.

    Promise: each is told. And the broker holds the same afterwards, in the same order, delivered no more often.
    """
    numbers = [str(number) for number in range(5)]
    idle.run("for number in range(5): note.delay(str(number))")
    spoil(idle.broker)
    if not idle.on_redis:  # RabbitMQ's figures follow
        counts = {DEFAULT: 5, CRITICAL: 0, DEAD_LETTER: 1}
        idle.wait_for(
            "the figures", lambda: {name: q["messages_ready"] for name, q in contents(idle.broker).items()} == counts
        )
    before = contents(idle.broker)
    assert before.keys() >= {DEFAULT, CRITICAL, DEAD_LETTER}

    diagnosis = diagnose(idle)

    assert contents(idle.broker) == before
    assert BULK not in before
    expected = {f"queue {DEAD_LETTER}": WARNING, "beat": FAILURE}
    expected |= {f"queue {queue}": FAILURE for queue in (CRITICAL, BULK)}
    for queue in QUEUES:
        expected |= {f"worker {queue}": FAILURE, f"canary {queue}": WARNING}
    if not idle.on_redis:
        expected |= {f"queue {DEFAULT}": FAILURE, "delayed": FAILURE, "policies": WARNING}
        assert "inequivalent arg" in diagnosis[f"queue {CRITICAL}"]
        assert diagnosis[f"queue {DEFAULT}"] == "5 waiting, no consumer"
    else:
        assert diagnosis[f"queue {CRITICAL}"] == "is a string, not a list"
        assert diagnosis[f"queue {DEFAULT}"].startswith("5 waiting, the oldest for ")
    assert diagnosis.unwell == expected
    assert diagnosis[f"queue {BULK}"].startswith("does not exist")
    assert diagnosis[f"queue {DEAD_LETTER}"] == "1 dead letter not collected yet"

    with kombu.Connection(idle.broker.url) as connection:
        waiting = kombu.Queue(DEFAULT)(connection.default_channel)
        messages: list[Any] = [waiting.get(no_ack=True) for _ in numbers]
    assert [message.payload[0] for message in messages] == [[number] for number in numbers]
    assert not any(message.headers.get("x-delivery-count") for message in messages)
    assert not any(message.delivery_info.get("redelivered") for message in messages)


def spoil(broker: Server) -> None:
    """Make a queue of another kind than is declared, and put a message among the dead letters."""
    if isinstance(broker, RabbitMQ):
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}
        with kombu.Connection(broker.url) as connection:
            channel = connection.default_channel
            channel.queue_declare(CRITICAL, durable=True, auto_delete=False)
            channel.queue_declare(DEAD_LETTER, durable=True, auto_delete=False, arguments=arguments)
            kombu.Producer(channel).publish("dead", routing_key=DEAD_LETTER)
        return
    with Client.from_url(broker.url) as client:
        client.set(CRITICAL, "not a list")
        client.lpush(DEAD_LETTER, "{}")
        client.sadd("_kombu.binding.{{ cookiecutter.project_slug }}", f"{DEAD_LETTER}\x06\x16\x06\x16{DEAD_LETTER}")
