"""The project's own processes - web, workers, beat, Flower - started as a user starts them, in their own folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO, Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

ROOT = Path(__file__).resolve().parents[1]

#: Seconds that a process has to stop in good order.
STOP_TIMEOUT = 20


class ProcessDiedError(RuntimeError):
    """A process that ought to run has ended; the message holds the end of its log."""


class Project:
    """The project on a broker and a Redis, with its database, uploads and logs in `folder`; a context manager."""

    def __init__(self, folder: Path, broker_url: str, redis_url: str, **environment: str) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "DJANGO_MEDIA_ROOT": str(folder / "media"),
            "CELERY_BROKER_URL": broker_url,
            "REDIS_URL": redis_url,
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command to its end and return what it printed. Raises CalledProcessError if it fails."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a Python command, such as `manage.py worker bulk`, under a name; its output goes to `log(name)`."""
        with self.log(name).open("ab") as log:
            process = self._popen([sys.executable, *command], log)
        self.processes[name] = process
        return process

    def _popen(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches it once, from `__exit__`, and a kill reaches all that came of it.
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def log(self, name: str) -> Path:
        """Return the file with what the named process printed."""
        return self.folder / f"{name}.log"

    def wait_for[T](self, what: str, probe: Callable[[], T], timeout: float = 30) -> T:
        """Probe until the answer is true, and return it. Raises TimeoutError, ProcessDiedError if a process ended."""
        deadline = time.monotonic() + timeout
        while not (answer := probe()):
            for name, process in self.processes.items():
                if process.poll() is not None:
                    tail = "\n".join(self.log(name).read_text(errors="replace").splitlines()[-30:])
                    msg = f"{name} ended with exit code {process.returncode}:\n{tail}"
                    raise ProcessDiedError(msg)
            if time.monotonic() > deadline:
                msg = f"{what}: not within {timeout:g} s"
                raise TimeoutError(msg)
            time.sleep(0.05)
        return answer

    def stop(self, name: str, signum: int = signal.SIGTERM) -> int:
        """Stop a process in good order, or with SIGKILL itself and its children at once; return its exit code."""
        process = self.processes.pop(name)
        if signum != signal.SIGKILL:
            process.send_signal(signum)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT)
        # What is left of its session: all of it after SIGKILL or a stop that took too long.
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        return process.wait()

    def __enter__(self) -> Self:
        self.manage("migrate", "--verbosity=0")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for name in list(self.processes):
            self.stop(name)


class Site:
    """The project's pages as a browser sees them: with cookies, and a CSRF token in each form."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> bytes:
        """Return the page at a path. Raises URLError."""
        with self.opener.open(self.url + path, timeout=30) as response:
            return response.read()  # type: ignore[no-any-return]

    def is_up(self) -> bool:
        """Whether the home page answers."""
        try:
            self.get("/")
        except (URLError, ConnectionError):
            return False
        return True

    def post(self, path: str, **fields: Any) -> str:
        """Send a form and return the path of the page that it leads to. Raises URLError."""
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")
        body = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        with self.opener.open(Request(self.url + path, body), timeout=30) as response:
            return str(response.url).removeprefix(self.url)
