"""Real brokers for the tests that need them, a stage for the proofs, and the table that ends a run."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.brokers import RabbitMQ, Redis, Server, ServerMissing

from .shop import TABLE_HEAD, Shop

#: The lines of the table.
TABLE = pytest.StashKey[list[str]]()


def installed[S: Server](kind: Callable[[], S]) -> S:
    """Return a server that is not started yet.

    Where its program is missing, the test is skipped, or fails when REQUIRE_BROKERS=1; the message
    names the command that brings the program.
    """
    try:
        return kind()
    except ServerMissing as error:
        missing = str(error)
    if os.environ.get("REQUIRE_BROKERS") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips one place, so that the summary shows a reason once, not once a test."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        report.longrepr = (__file__, 1, report.longrepr[-1])
    return report


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A Redis; a test that stops, kills or pauses it starts or resumes it again."""
    with installed(Redis) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMQ]:
    """A RabbitMQ; a test that stops, kills or pauses it starts or resumes it again."""
    with installed(RabbitMQ) as server:
        yield server


@pytest.fixture(scope="session", params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Server:
    """Each of the two in turn."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def fresh_broker(broker: Server) -> Iterator[Server]:
    """Each of the two in turn, with nothing in it, for a test whose messages no other test's worker could run."""
    with broker.fresh():
        yield broker


@pytest.fixture(scope="session")
def ledger_server() -> Iterator[Redis]:
    """The Redis of the ledger."""
    with installed(Redis) as server:
        yield server


def stage(broker: Server, results: Redis, ledger: Redis, folder: Path, config: pytest.Config) -> Iterator[Shop]:
    """Yield the project on a broker; what it has started is gone afterwards."""
    shop = Shop(folder, broker, results, ledger, config.stash.setdefault(TABLE, []))
    with shop.project, shop.ledger:
        shop.ledger.flushall()
        yield shop
        # What has been proven needs no orderly end.
        for name in list(shop.project.processes):
            shop.kill(name)


@pytest.fixture
def redis_shop(ledger_server: Redis, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Shop]:
    """The project on a Redis of its own."""
    with Redis() as broker:
        yield from stage(broker, broker, ledger_server, tmp_path, pytestconfig)


@pytest.fixture
def rabbitmq_shop(
    rabbitmq_server: RabbitMQ, ledger_server: Redis, tmp_path: Path, pytestconfig: pytest.Config
) -> Iterator[Shop]:
    """The project on a virtual host of its own, with a Redis of its own for results."""
    with rabbitmq_server.fresh(), Redis() as results:
        yield from stage(rabbitmq_server, results, ledger_server, tmp_path, pytestconfig)


@pytest.fixture(params=["redis", "rabbitmq"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """The project on each of the two in turn."""
    stage: Shop = request.getfixturevalue(f"{request.param}_shop")
    return stage


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the lines of the table on, where this is one of several processes that run tests."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["table"] = session.config.stash.get(TABLE, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in the lines of another process, if it lived to the end."""
    node.config.stash.setdefault(TABLE, []).extend(getattr(node, "workeroutput", {}).get("table", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """End the run with what was proven."""
    if lines := config.stash.get(TABLE, []):
        terminalreporter.section("proven")
        for line in (*TABLE_HEAD, *sorted(lines)):
            terminalreporter.line(line)
