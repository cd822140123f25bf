"""The proxy that can go silent: what the proofs of half-open connections rest on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

import pytest

from sandbox.brokers import HOST, free_ports, wait_until
from sandbox.proxy import Proxy

pytestmark = pytest.mark.broker

#: Seconds. Long for an answer on one machine, and how long a test listens to silence.
PATIENCE = 5
SILENCE = 0.3


class Echo:
    """A server that sends back what it is sent, and says how its connections ended; a context manager."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._stack = ExitStack()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._stack.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._stack.enter_context(connection)
            self._stack.callback(_hang_up, connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65_536):
                connection.sendall(data)
        except OSError:
            self.ends.append("reset")
        else:
            self.ends.append("closed")
        _hang_up(connection)


def _hang_up(connection: socket.socket) -> None:
    """Wake who reads from a connection; it may be gone already."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.fixture
def server() -> Iterator[Echo]:
    """A server to stand behind."""
    with Echo() as server:
        yield server


@pytest.fixture
def proxy(server: Echo) -> Iterator[Proxy]:
    """A proxy before it."""
    with Proxy(server.port) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=PATIENCE)


def ask(client: socket.socket, question: bytes = b"hello") -> bytes:
    """Send something and return as much of an answer."""
    client.sendall(question)
    answer = b""
    while len(answer) < len(question) and (more := client.recv(65_536)):
        answer += more
    return answer


def is_silent(client: socket.socket) -> bool:
    """Ask, and tell whether nothing comes back: neither an answer nor the end of the connection."""
    client.settimeout(SILENCE)
    try:
        client.sendall(b"hello")
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE)
    return False


def is_over(client: socket.socket) -> bool:
    """Tell whether the connection has ended, in good order or not."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_it_passes_on(proxy: Proxy) -> None:
    large = b"x" * 3_000_000
    with connect(proxy) as first, connect(proxy) as second:
        assert ask(first) == b"hello"
        done = threading.Thread(target=first.sendall, args=(large,))
        done.start()
        assert ask(second) == b"hello"
        received = 0
        while received < len(large):
            received += len(first.recv(65_536))
        done.join(PATIENCE)


def test_the_end_of_a_connection_is_passed_on(proxy: Proxy, server: Echo) -> None:
    with connect(proxy) as client:
        ask(client)
    wait_until(lambda: server.ends == ["closed"], PATIENCE)
    assert proxy.silence() == 0


def test_silence_leaves_open_connections_half_open_and_new_ones_pass(proxy: Proxy, server: Echo) -> None:
    with connect(proxy) as old, connect(proxy) as older:
        assert [ask(old), ask(older)] == [b"hello", b"hello"]
        assert proxy.silence() == 2
        assert is_silent(old)
        assert is_silent(older)
        with connect(proxy) as new:
            assert ask(new) == b"hello"
            assert is_silent(old)
            assert proxy.silence() == 1, "those that were silenced before do not count again"
            assert is_silent(new)
    assert server.ends == []


@pytest.mark.parametrize("orderly", [True, False])
def test_the_server_is_not_told_that_the_client_of_a_half_open_connection_has_gone(
    proxy: Proxy, server: Echo, orderly: bool
) -> None:
    with connect(proxy) as client:
        ask(client)
        proxy.silence()
        if not orderly:  # closing sends a reset
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with connect(proxy) as later:
        ask(later)
        assert server.ends == []


def test_a_refused_connection_is_made_and_not_answered(proxy: Proxy, server: Echo) -> None:
    with connect(proxy) as old:
        ask(old)
        proxy.refuse = True
        with connect(proxy) as new:
            assert is_silent(new)
            assert ask(old) == b"hello"
            proxy.refuse = False
            assert is_silent(new), "once refused, for good"
        with connect(proxy) as newer:
            assert ask(newer) == b"hello"


def test_a_server_that_does_not_listen_ends_the_connection() -> None:
    with Proxy(free_ports(1)[0]) as proxy, connect(proxy) as client:
        assert is_over(client)


def test_closing_leaves_no_thread_and_no_port_and_ends_what_is_open(server: Echo) -> None:
    before = set(threading.enumerate())
    with ExitStack() as clients:
        with Proxy(server.port) as proxy:
            (own,) = set(threading.enumerate()) - before
            silent = clients.enter_context(connect(proxy))
            ask(silent)
            proxy.silence()
            passing = clients.enter_context(connect(proxy))
            ask(passing)
            proxy.refuse = True
            refused = clients.enter_context(connect(proxy))
            assert is_silent(refused)
        assert is_over(passing)
        assert is_over(silent)
        assert is_over(refused)
    assert not own.is_alive()
    with socket.socket() as late:
        assert late.connect_ex((HOST, proxy.port)) != 0
    wait_until(lambda: server.ends == ["closed", "closed"], PATIENCE)


def test_a_port_that_is_taken_is_said(server: Echo) -> None:
    proxy = Proxy(server.port)
    with socket.create_server((HOST, proxy.port)), pytest.raises(OSError, match="in use"):
        proxy.__enter__()
