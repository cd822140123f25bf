"""Real brokers for the tests that need them, started once a session."""

import os
from collections.abc import Generator, Iterator

import pytest

from sandbox.brokers import RabbitMQ, Redis, Server, ServerMissing


def installed[S: Server](kind: type[S]) -> S:
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
