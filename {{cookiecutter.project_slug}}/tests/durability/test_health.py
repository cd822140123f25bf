"""Heartbeats and canaries: what is alive looks alive whatever its load, what is stuck does not; both probes agree."""

import logging
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from {{ cookiecutter.project_slug }}.tasking import health
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, QUEUES

from sandbox.brokers import Redis, Server
from sandbox.project import ROOT, Project

from . import ticking

pytestmark = [pytest.mark.broker, pytest.mark.slow]

logger = logging.getLogger(__name__)

WORKER = health.worker(BULK)

#: Seconds for what ought to take one or two, on a machine that is busy.
SOON = 60

#: Seconds after which a heartbeat is too old in these tests; a few intervals.
MAX_AGE = 3 * health.INTERVAL


@pytest.fixture
def project(
    fresh_broker: Server, redis_server: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """The project on each broker, with heartbeats in a folder of its own."""
    environment = {"HEALTH_DIR": str(tmp_path / "health"), "DJANGO_SETTINGS_MODULE": "tests.durability.brisk"}
    monkeypatch.setenv("HEALTH_DIR", environment["HEALTH_DIR"])
    with redis_server.fresh(), Project(tmp_path, fresh_broker.url, redis_server.url, **environment) as project:
        yield project


def shell_probe(project: Project) -> bool:
    """Whether `bin/healthy` finds the worker alive."""
    command = ["bin/healthy", WORKER, str(MAX_AGE)]
    return subprocess.run(command, cwd=ROOT, env=project.environment, check=False).returncode == 0


def manage_probe(project: Project) -> bool:
    """Whether `manage.py health` finds the worker alive."""
    command = [sys.executable, "manage.py", "health", "worker", BULK, f"--max-age={MAX_AGE}"]
    return subprocess.run(command, cwd=ROOT, env=project.environment, check=False).returncode == 0


def state() -> str:
    """Return what the worker says that it does; '' before its first heartbeat."""
    try:
        return health.read(WORKER).state
    except health.NoHeartbeatError:
        return ""


def test_a_busy_worker_is_healthy_and_a_stuck_one_is_not(project: Project, redis_server: Redis) -> None:
    """Every child of a worker burns a core; later its main process is stopped with SIGSTOP, then goes on.

    Promise: under full load the heartbeat goes on; stopped, both probes fail after the age that they are given
    and one interval; going on, both pass again.
    """
    assert not shell_probe(project)
    assert not manage_probe(project)
    worker = project.start("worker", "manage.py", "worker", BULK)
    project.wait_for("the first heartbeat", lambda: shell_probe(project), SOON)

    burning = 4 * health.INTERVAL
    children = QUEUES[BULK].concurrency
    send = f"from tests.durability.ticking import burn; [burn.delay({burning}) for _ in range({children})]"
    project.manage("shell", "--no-imports", "--command", send)
    notes = ticking.connect(redis_server.url)
    project.wait_for("all at work", lambda: notes.lrange(ticking.BURNS, 0, -1) == ["begin"] * children, SOON)
    ages: list[float] = []
    while "end" not in notes.lrange(ticking.BURNS, 0, -1):
        ages.append(health.read(WORKER).age)
        assert shell_probe(project)
    logger.info("oldest heartbeat under full load: %.1f s", max(ages))
    assert max(ages) <= MAX_AGE

    worker.send_signal(signal.SIGSTOP)
    project.wait_for("the shell's probe fails", lambda: not shell_probe(project), MAX_AGE + health.INTERVAL)
    assert not manage_probe(project)
    worker.send_signal(signal.SIGCONT)
    project.wait_for("the shell's probe passes", lambda: shell_probe(project), SOON)
    assert manage_probe(project)


def test_a_worker_without_its_broker_is_healthy_and_says_so(project: Project, broker: Server) -> None:
    """The broker is killed and comes back. Promise: the worker is alive all along, says what it waits for, goes on."""
    project.start("worker", "manage.py", "worker", BULK)
    project.wait_for("consuming", lambda: state() == health.CONSUMING, SOON)
    broker.kill()
    try:
        project.wait_for("waiting", lambda: state() == health.WAITING, SOON)
        assert shell_probe(project)
    finally:
        broker.start()
    project.wait_for("consuming again", lambda: state() == health.CONSUMING, SOON)


def test_a_probe_costs_next_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh heartbeat, probed 20 times. Promise: under 50 ms of CPU for each probe, children included."""
    monkeypatch.setenv("HEALTH_DIR", str(tmp_path))
    health.write(WORKER, health.CONSUMING)

    def cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = cpu()
    for _ in range(20):
        subprocess.run(["bin/healthy", WORKER, "600"], cwd=ROOT, check=True)
    cost = (cpu() - before) / 20
    logger.info("CPU of a probe: %.1f ms", 1000 * cost)
    assert cost < 0.05


def test_a_canary_passes_each_queue_until_its_worker_stops(project: Project) -> None:
    """All workers and beat, a canary each two seconds; then the main processes of all workers are stopped.

    Promise: a canary passes each queue; when nothing is consumed, its age grows, though processes and broker live.
    """

    def ages() -> dict[str, int]:
        try:
            output = project.manage("health", "queues")
        except subprocess.CalledProcessError as error:
            output = error.stdout
        lines = re.findall(r"^(\w+): (\d+) s ago, after [\d.]+ s", output, re.MULTILINE)
        return {queue: int(age) for queue, age in lines}

    for queue in QUEUES:
        project.start(queue, "manage.py", "worker", queue)
    project.start("beat", "-m", "celery", "--app=config", "beat")
    project.wait_for("a canary in each queue", lambda: set(ages()) == set(QUEUES), SOON)

    for queue in QUEUES:
        project.processes[queue].send_signal(signal.SIGSTOP)
    try:
        project.wait_for("older canaries", lambda: min(ages().values()) >= 10, SOON)
    finally:
        for queue in QUEUES:
            project.processes[queue].send_signal(signal.SIGCONT)
    project.wait_for("young canaries", lambda: max(ages().values()) < 10, SOON)
