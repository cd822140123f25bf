"""Docker, which a test needs that is here."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import bake_into

from .stack import FIGURES, MAIL_SERVER, PRODUCTION_FOR_TESTS, Stack, free_ports


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is no question on Redis: the death of a RabbitMQ, and that of a worker.

    There the latter is noticed when the visibility timeout is over, after minutes; the project's own proofs have that.
    """
    items[:] = [item for item in items if not _is_no_question(getattr(item, "callspec", None))]


def _is_no_question(call: Any) -> bool:  # noqa: ANN401 - pytest's, which it does not export
    parameters = call.params if call else {}
    return parameters.get("production") == "redis" and parameters.get("victim", "").startswith(("worker-", "rabbitmq"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End the run with what was measured."""
    if FIGURES:
        terminalreporter.section("containers")
        for line in FIGURES:
            terminalreporter.line(line)


PORTS = (
    "GRAFANA_PORT",
    "PROMETHEUS_PORT",
    "WEB_PORT",
    "FLOWER_PORT",
    "POSTGRES_PORT",
    "RABBITMQ_PORT",
    "RABBITMQ_MANAGEMENT_PORT",
    "REDIS_PORT",
)


@pytest.fixture(scope="session")
def docker() -> None:
    """Skip a test where there is no Docker; with REQUIRE_DOCKER=1 it fails."""
    why = "docker is not installed"
    if shutil.which("docker"):
        done = subprocess.run(["docker", "compose", "ls"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        why = f"no Docker answers, or it has no compose: {done.stderr.strip()}"
    if os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="module")
def development(docker: None, baked_folder: Path) -> Iterator[Stack]:  # noqa: ARG001 - it is skipped without
    """Return the default project, with ports that nobody else has."""
    folder = bake_into(baked_folder)
    stack = Stack(folder, f"development-{os.getpid()}", variables=dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="module")
def bare(docker: None, baked_folder: Path) -> Iterator[Stack]:  # noqa: ARG001 - as above
    """Return a project on Redis without the example, as it is right after its making."""
    folder = bake_into(baked_folder, lock=False, project_name="Bare", broker="redis", include_example=False)
    stack = Stack(folder, f"bare-{os.getpid()}", variables=dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="module", params=["rabbitmq", "redis"])
def production(docker: None, baked_folder: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:  # noqa: ARG001 - as above
    """Return a project in production on each broker, up and healthy, with a mail server beside it."""
    folder = bake_into(baked_folder, project_name=f"On {request.param}", broker=request.param)
    (port,) = free_ports(1)
    (folder / "mail.py").write_text(MAIL_SERVER)
    (folder / "compose.test.yaml").write_text(PRODUCTION_FOR_TESTS.format(port=port))
    files = ("compose.yaml", "compose.production.yaml", "compose.test.yaml")
    variables = {"DOMAIN": "localhost", "EMAIL_URL": "smtp://mail:25", "PROXY_PORT": port}
    stack = Stack(folder, f"production-{request.param}-{os.getpid()}", files, variables)
    try:
        stack.compose("build", "--quiet")
        FIGURES.append(f"production on {request.param}: healthy {stack.up():.0f} s after the build")
        yield stack
    finally:
        stack.down()
