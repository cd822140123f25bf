"""Beat: of two that run, one sends; when it dies the other takes its place; an outage of Redis ends neither."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis as Client

from {{ cookiecutter.project_slug }}.tasking import health
from {{ cookiecutter.project_slug }}.tasking.transport import SCHEDULE, redis_database

from sandbox.brokers import RabbitMQ, Redis, Server
from sandbox.project import Project

from . import ticking
from .brisk import SLOT

pytestmark = [pytest.mark.broker, pytest.mark.slow]

logger = logging.getLogger(__name__)

BRISK = "tests.durability.brisk"

#: Seconds for what ought to take one or two, on a machine that is busy.
SOON = 60


@pytest.fixture
def redis_url(redis_server: Redis) -> Iterator[str]:
    """The address of a Redis without a schedule, a lock or ticks of another test."""
    with redis_server.fresh():
        yield redis_server.url


class Beats:
    """Beats side by side, each with a heartbeat of its own, as on machines of their own."""

    def __init__(self, project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        self.folder = folder
        self.monkeypatch = monkeypatch

    def start(self, name: str, *flags: str) -> int:
        """Start a beat under a name and return its process id."""
        self.project.environment["HEALTH_DIR"] = str(self.folder / name)
        return self.project.start(name, "-m", "celery", "--app=config", "beat", *flags).pid

    def state(self, name: str) -> str:
        """Return what the named beat says that it does; '' before its first heartbeat."""
        self.monkeypatch.setenv("HEALTH_DIR", str(self.folder / name))
        try:
            return health.read(health.BEAT).state
        except health.NoHeartbeatError:
            return ""

    def wait_for(self, name: str, state: str, seconds: float = SOON) -> None:
        self.project.wait_for(f"{name} {state}", lambda: self.state(name) == state, seconds)


@pytest.fixture
def beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Project], Beats]:
    return lambda project: Beats(project, tmp_path, monkeypatch)


def ticks(redis_url: str) -> list[float]:
    """Return when each tick was sent that has run, in order."""
    return sorted(float(sent) for sent in ticking.connect(redis_url).lrange(ticking.TICKS, 0, -1))


def gaps(sent: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(sent)]


def test_two_beats_one_run_a_slot_and_a_dead_leader_is_replaced(
    fresh_broker: Server,
    redis_url: str,
    tmp_path: Path,
    beats: Callable[[Project], Beats],
) -> None:
    """Two beats with the project's own intervals, a slot of 2 s, a worker. The leader is killed with SIGKILL.

    Promise: one run for each slot; the other leads within six sleeps (lock of five, then one): 30 s.
    """
    with Project(tmp_path, fresh_broker.url, redis_url, DJANGO_SETTINGS_MODULE=BRISK) as project:
        pair = beats(project)
        pair.start("first")
        pair.wait_for("first", health.LEADING)
        pair.start("second")
        pair.wait_for("second", health.STANDBY)
        project.start("worker", "manage.py", "worker", "default")
        project.wait_for("five slots", lambda: len(ticks(redis_url)) >= 5, SOON)

        project.stop("first", signal.SIGKILL)
        killed = time.time()
        limit = 6 * settings.CELERY_BEAT_MAX_LOOP_INTERVAL
        pair.wait_for("second", health.LEADING, limit + SOON)
        project.wait_for("ticks of the second", lambda: sum(sent > killed for sent in ticks(redis_url)) >= 5, SOON)

        sent = ticks(redis_url)
        takeover = next(tick for tick in sent if tick > killed) - killed
        logger.info("the other took over after %.1f s, on %s", takeover, fresh_broker.name)
        assert takeover <= limit + 5, "5 s for a busy machine"
        assert min(gaps(sent)) > SLOT / 2, "two runs of one slot"


def test_a_leader_that_slept_through_its_lock_stands_by(
    redis_url: str, tmp_path: Path, beats: Callable[[Project], Beats]
) -> None:
    """Two beats with a sleep of 1 s; the leader is stopped with SIGSTOP until the other leads, then goes on.

    Promise: it sees that its lock is gone before it sends anything, and stands by.
    """
    with Project(tmp_path, redis_url, redis_url, DJANGO_SETTINGS_MODULE=BRISK) as project:
        pair = beats(project)
        pair.start("first", "--max-interval=1")
        pair.wait_for("first", health.LEADING)
        pair.start("second", "--max-interval=1")
        pair.wait_for("second", health.STANDBY)
        project.processes["first"].send_signal(signal.SIGSTOP)
        pair.wait_for("second", health.LEADING)
        sent_before = project.log("first").read_text().count("Sending due task")
        project.processes["first"].send_signal(signal.SIGCONT)
        pair.wait_for("first", health.STANDBY)
        assert project.log("first").read_text().count("Sending due task") == sent_before
        assert pair.state("second") == health.LEADING

        # In good order, the lock is handed over at once.
        assert project.stop("second") == 0
        pair.wait_for("first", health.LEADING)


def test_a_beat_outlives_an_outage_of_redis(
    redis_server: Redis, redis_url: str, tmp_path: Path, beats: Callable[[Project], Beats]
) -> None:
    """Redis is away when beat starts, comes, goes and comes again.

    Promise: beat waits, says so in its heartbeat, and leads whenever Redis answers.
    """
    with Project(tmp_path, redis_url, redis_url, DJANGO_SETTINGS_MODULE=BRISK) as project:
        beat = beats(project)
        for _ in range(2):
            redis_server.kill()
            try:
                if not project.processes:
                    beat.start("beat", "--max-interval=1")
                beat.wait_for("beat", health.CUT_OFF)
            finally:
                redis_server.start()
            beat.wait_for("beat", health.LEADING)


def test_what_the_broker_does_not_take_stays_due(
    rabbitmq_server: RabbitMQ, redis_url: str, tmp_path: Path, beats: Callable[[Project], Beats]
) -> None:
    """The broker is away when beat starts, comes, and goes again while ticks are due.

    Promise: beat lives, and an entry counts as sent only when the broker has taken it.
    """
    client = Client.from_url(redis_database(redis_url, SCHEDULE), decode_responses=True)
    prefix = settings.REDBEAT["redbeat_key_prefix"]

    def due_at() -> float:
        return float(client.zscore(f"{prefix}:schedule", f"{prefix}tick") or 0)

    with (
        rabbitmq_server.fresh(),
        Project(tmp_path, rabbitmq_server.url, redis_url, DJANGO_SETTINGS_MODULE=BRISK) as project,
    ):
        beat = beats(project)
        for _ in range(2):
            rabbitmq_server.kill()
            try:
                if not project.processes:
                    beat.start("beat", "--max-interval=1")
                    beat.wait_for("beat", health.WAITING)
                project.wait_for("an overdue tick", lambda: 0 < due_at() < time.time() - 3 * SLOT, SOON)
            finally:
                rabbitmq_server.start()
            beat.wait_for("beat", health.LEADING)
            project.wait_for("a tick in time", lambda: due_at() > time.time() - SLOT / 2, SOON)


def test_an_entry_that_is_gone_from_the_code_is_gone_from_redis(
    redis_url: str, redis_server: Redis, tmp_path: Path, beats: Callable[[Project], Beats]
) -> None:
    """A beat with the tick in its schedule, then one without it. Promise: the tick is not sent any more."""

    def entries() -> str:
        schedule = Client.from_url(redis_database(redis_url, SCHEDULE), decode_responses=True)
        return str(schedule.zrange(f"{settings.REDBEAT['redbeat_key_prefix']}:schedule", 0, -1))

    with Project(tmp_path, redis_url, redis_url, DJANGO_SETTINGS_MODULE=BRISK) as project:
        beat = beats(project)
        beat.start("old", "--max-interval=1")
        beat.wait_for("old", health.LEADING)
        assert "tick" in entries()
        project.stop("old")
        project.environment["DJANGO_SETTINGS_MODULE"] = "config.settings.local"
        beat.start("new", "--max-interval=1")
        beat.wait_for("new", health.LEADING)
        assert "tick" not in entries()
        assert "canary of bulk" in entries()
