"""`make dev`: what it starts answers, and is gone when it is told to end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.brokers import Redis, free_ports, wait_until
from sandbox.project import ROOT, Site

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_on_a_private_broker_and_stops_all(redis_server: Redis, tmp_path: Path, signum: signal.Signals) -> None:
    """No broker answers: a private one does. Ctrl-C as a terminal sends it, to all; or SIGTERM, to the one process."""
    port, flower, nothing = free_ports(3)
    environment = os.environ | {
        "PORT": str(port),
        "FLOWER_PORT": str(flower),
        "CELERY_BROKER_URL": f"amqp://127.0.0.1:{nothing}",
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "sandbox.dev"]
        dev = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(Site(f"http://127.0.0.1:{port}").is_up, 60)
        wait_until(lambda: log.read_text().count(" ready.") == 3, 60)
        assert "So a private Redis serves this session" in log.read_text()
        if signum == signal.SIGINT:
            os.killpg(dev.pid, signum)
        else:
            dev.send_signal(signum)
        dev.wait(60)
        assert not subprocess.run(["pgrep", "-s", str(dev.pid)], check=False, capture_output=True).stdout
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(dev.pid)], check=False)


def test_a_port_in_use_is_named(redis_server: Redis) -> None:
    environment = os.environ | {"PORT": str(redis_server.port)}
    command = [sys.executable, "-m", "sandbox.dev"]
    dev = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert dev.returncode == 1
    assert f"Port {redis_server.port} is in use. Choose another: PORT={redis_server.port + 1} make dev" in dev.stderr
