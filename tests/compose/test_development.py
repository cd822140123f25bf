"""`make up` on a real engine: everything comes up in order and does what it says, on this machine alone."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from typing import Any

import httpx
import pytest

from .stack import FIGURES, OURS, SOON, Stack, imported, post, visitor, wait_for

pytestmark = pytest.mark.slow

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def up(development: Stack) -> Stack:
    """Build by `make up`, and bring it up once more from nothing, to time that apart."""
    development.run("make", "up")
    development.down()
    FIGURES.append(f"development: healthy {development.up():.0f} s after the build")
    return development


def url(stack: Stack, name: str = "WEB_PORT") -> str:
    return f"http://127.0.0.1:{stack.variables[name]}"


def test_everything_is_healthy_and_nobody_is_root(up: Stack) -> None:
    containers = up.containers()
    assert containers.pop("migrate")["State"]["ExitCode"] == 0
    assert {name for name, container in containers.items() if container["State"]["Health"]["Status"] != "healthy"} == set()
    for service in OURS[1:]:
        assert up.execute(service, "id", "-u").strip() == "10001"


def test_only_this_machine_reaches_it(up: Stack) -> None:
    for container in up.containers().values():
        for published in container["NetworkSettings"]["Ports"].values():
            assert all(binding["HostIp"] == "127.0.0.1" for binding in published or [])


def test_the_image_is_small_and_the_stack_too(up: Stack) -> None:
    def size(image: str) -> int:
        command = ["docker", "image", "inspect", "--format={{.Size}}", image]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    base = size("python:3.13-slim-trixie")
    image = size(up.containers()["web"]["Image"])
    ids = [container["Id"] for service, container in up.containers().items() if service in OURS[1:]]
    statistics = up.run("docker", "stats", "--no-stream", "--format=json", *ids)
    memory = sum(_megabytes(json.loads(line)["MemUsage"]) for line in statistics.splitlines())
    FIGURES.append(f"development: image {(image - base) / MEGABYTE:.0f} MB beyond its base, idle memory {memory:.0f} MB")
    assert image - base < 250 * MEGABYTE
    assert memory < 900


def _megabytes(usage: str) -> float:
    """Return what `docker stats` says is used, such as `75.8MiB / 23.5GiB`."""
    used = usage.partition(" / ")[0]
    for unit, factor in (("GiB", 1073.74), ("MiB", 1.048576), ("KiB", 0.001024)):
        if used.endswith(unit):
            return float(used.removesuffix(unit)) * factor
    raise ValueError(usage)


def test_a_file_becomes_a_report(up: Stack) -> None:
    with visitor(url(up)) as client:
        page = post(client, "/", "/imports/sample/", rows=20_000).url.path
        state = imported(client, page)
    assert (state["state"], state["rows"], state["imported"] + state["refused"]) == ("finished", 20_000, 20_000)


def test_flower_is_locked(up: Stack) -> None:
    assert httpx.get(url(up, "FLOWER_PORT")).status_code == httpx.codes.UNAUTHORIZED


def test_the_doctor_finds_nothing(up: Stack) -> None:
    assert " ok" in up.run("make", "smoke")
    wait_for(
        "a canary through each queue",
        lambda: "none" not in up.execute("web", "python", "manage.py", "health", "queues", check=False),
    )
    report = json.loads(up.execute("web", "python", "manage.py", "doctor", "--format=json"))
    assert [line for line in report if line["level"] != "ok"] == []


@pytest.mark.parametrize(
    ("target", "typed", "answer"),
    [
        ("shell", "print('the answer is', 6 * 7)\nexit()\n", "the answer is 42"),
        ("psql", "SELECT 'the answer is ' || 6 * 7;\n\\q\n", "the answer is 42"),
        ("logs", "", " ready."),
    ],
)
def test_a_terminal_in_a_container(up: Stack, target: str, typed: str, answer: str) -> None:
    """In a terminal, as a person types."""
    terminal, ours = pty.openpty()
    with subprocess.Popen(
        ["make", target], cwd=up.folder, env=up.environment, stdin=ours, stdout=ours, stderr=ours, start_new_session=True
    ) as process:
        os.close(ours)
        os.write(terminal, typed.encode())
        shown = b""

        def answered() -> bool:
            nonlocal shown
            if select.select([terminal], [], [], 0)[0]:
                shown += os.read(terminal, 65_536)
            return answer in shown.decode(errors="replace")

        try:
            wait_for(answer, answered)
        finally:
            # Closed before, as a window is: who writes to a terminal that nobody reads does not come to its end.
            os.close(terminal)
            os.killpg(process.pid, signal.SIGTERM)


def test_prometheus_sees_every_worker_and_all_that_the_dashboard_shows(up: Stack) -> None:
    """Grafana, of which there may be no image, is left out; what its dashboard and the alerts ask for must be there."""
    profile = ("--profile", "monitoring")
    up.compose(*profile, "up", "--detach", "--wait", "metrics", "prometheus")
    try:
        with httpx.Client(base_url=url(up, "PROMETHEUS_PORT")) as client:

            def asked(path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
                return client.get(f"/api/v1/{path}").json()["data"]

            wait_for("all targets", lambda: {one["health"] for one in asked("targets")["activeTargets"]} == {"up"})
            folder = up.folder / "deploy/monitoring"
            text = (folder / "alerts.yml").read_text() + (folder / "grafana/dashboards/celery.json").read_text()
            # Only Redis tells how old a message is, see tasking/metrics/system.py.
            wanted = set(re.findall(r"\b(?:celery|process)_\w+", text)) - {"celery_queue_oldest_message_seconds"}
            wait_for("all series", lambda: wanted <= set(asked("label/__name__/values")))
            wait_for(
                "all rules",
                lambda: {rule["health"] for group in asked("rules")["groups"] for rule in group["rules"]} == {"ok"},
            )
    finally:
        up.compose(*profile, "rm", "--stop", "--force", "metrics", "prometheus")


def test_a_change_of_the_source_starts_what_runs_it_again(up: Stack) -> None:
    started = {"web": "Quit the server", "worker-bulk": " ready.", "beat": "leading: "}

    def starts() -> dict[str, int]:
        return {service: up.compose("logs", "--no-color", service).count(line) for service, line in started.items()}

    before = starts()
    tasks = next(up.folder.glob("*/tasking/tasks.py"))
    tasks.write_text(tasks.read_text() + "\n")
    wait_for("all have started again", lambda: all(now > before[service] for service, now in starts().items()))


def test_down_lets_the_workers_end(up: Stack) -> None:
    began = time.monotonic()
    up.compose("stop", "worker-critical", "worker-default", "worker-bulk")
    assert time.monotonic() - began < SOON
    up.run("make", "down")
    assert up.compose("ps", "--all", "--quiet") == ""


def test_a_new_project_without_the_example_comes_up_on_redis(bare: Stack) -> None:
    bare.compose("up", "--build", "--detach", "--wait")
    assert " ok" in bare.execute("web", "python", "manage.py", "doctor")
    with visitor(url(bare)) as client:
        assert client.get("/health/").text == "ok\n"
        assert client.get("/admin/login/").status_code == httpx.codes.OK
    assert set(bare.containers()) == {*OURS, "postgres", "redis"}
    bare.run("make", "down")


def test_an_image_for_production_needs_a_lock_file(bare: Stack) -> None:
    command = ["docker", "compose", "--file", "compose.yaml", "build", "web"]
    done = subprocess.run(command, cwd=bare.folder, env=bare.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Unable to find lockfile at `uv.lock`" in done.stdout + done.stderr
