"""The containers of a baked project, driven as its owner drives them: by `docker compose`, and over HTTP."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from secrets import SystemRandom
from typing import Any

import httpx

#: Seconds for what ought to take a few, on a machine that is busy.
SOON = 120

#: The services that are this project's own, all of one image.
OURS = ("migrate", "web", "worker-critical", "worker-default", "worker-bulk", "beat", "flower")

#: What a run measured, for its last lines.
FIGURES: list[str] = []

#: A mail server that prints what it is sent.
MAIL_SERVER = """\
import socketserver

class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mail\\r\\n")
        while line := self.rfile.readline():
            command = line[:4].upper()
            self.wfile.write({b"DATA": b"354 go on\\r\\n", b"QUIT": b"221 bye\\r\\n"}.get(command, b"250 ok\\r\\n"))
            if command == b"DATA":
                while (line := self.rfile.readline()) != b".\\r\\n":
                    print(line.decode().rstrip(), flush=True)
                self.wfile.write(b"250 ok\\r\\n")

socketserver.ThreadingTCPServer(("", 25), Mail).serve_forever()
"""

#: Nobody may take the ports of production, and the stand-in for Caddy's image lacks the official one's wget.
PRODUCTION_FOR_TESTS = """\
services:
  mail:
    image: python:3.13-slim-trixie
    command: ["python", "/mail.py"]
    volumes: [./mail.py:/mail.py:ro]
    networks: [app]
  proxy:
    image: proxy-for-tests
    build:
      dockerfile_inline: |
        FROM caddy:2.11
        RUN command -v wget || {{ apt-get update -qq && apt-get install -qq --yes wget; }}
    ports: !override
      - 127.0.0.1:{port}:8443
"""


#: Beyond those of the generated project's sandbox, and below those that a client on its way out is given: one that is free
#: there may be taken before it is used.
PORTS = range(30_000, 32_768)


def free_ports(count: int) -> list[str]:
    """Return different ports that nothing uses."""
    return [str(port) for port in islice(filter(is_free, SystemRandom().sample(PORTS, len(PORTS))), count)]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for[T](what: str, probe: Callable[[], T], seconds: float = SOON) -> T:
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            msg = f"{what}: not within {seconds:g} s"
            raise TimeoutError(msg)
        time.sleep(0.2)
    return answer


@dataclass
class Stack:
    """A project's compose files under a name of their own."""

    folder: Path
    name: str
    files: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        files = {"COMPOSE_FILE": os.pathsep.join(self.files)} if self.files else {}
        return os.environ | {"COMPOSE_PROJECT_NAME": self.name} | files | self.variables

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in the project's folder; return what it printed, or fail with all that it said."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}\n{self.last_words()}"
        return done.stdout

    def compose(self, *arguments: str, check: bool = True) -> str:
        return self.run("docker", "compose", *arguments, check=check)

    def last_words(self) -> str:
        command = ("docker", "compose", "logs", "--tail=20", "--no-color")
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        ).stdout

    def execute(self, service: str, *command: str, check: bool = True) -> str:
        return self.compose("exec", "-T", service, *command, check=check)

    def up(self) -> float:
        """Bring everything up and return how many seconds that took; what is to be built has been built."""
        began = time.monotonic()
        self.compose("up", "--detach", "--wait")
        return time.monotonic() - began

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what the engine knows of each service's container."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout)
        return {container["Config"]["Labels"]["com.docker.compose.service"]: container for container in found}

    def is_healthy(self, service: str) -> bool:
        state = self.containers()[service]["State"]
        return state["Running"] and state.get("Health", {}).get("Status") == "healthy"

    def crash(self, service: str) -> None:
        """Kill all that runs in a container, as the kernel would; return when it has started again and is healthy.

        `docker compose kill` would count as somebody's wish, after which the engine starts nothing again.
        """
        before = self.containers()[service]
        os.kill(before["State"]["Pid"], signal.SIGKILL)
        wait_for(
            f"{service} is back",
            lambda: self.containers()[service]["RestartCount"] > before["RestartCount"] and self.is_healthy(service),
        )

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout=5", check=False)


@contextmanager
def visitor(url: str, trust: ssl.SSLContext | None = None) -> Iterator[httpx.Client]:
    """Give a browser, as far as cookies and redirects go."""
    with httpx.Client(base_url=url, follow_redirects=True, verify=trust or True, timeout=30) as client:
        yield client


def post(client: httpx.Client, page: str, action: str, **fields: str | int) -> httpx.Response:
    """Send a form of a page."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).text)
    assert token, f"{page} has no form"
    data = {**fields, "csrfmiddlewaretoken": token[1]}
    response = client.post(action, data=data, headers={"Referer": str(client.base_url)})
    response.raise_for_status()
    return response


def log_in(client: httpx.Client, user: str, password: str) -> None:
    post(client, "/admin/login/", "/admin/login/?next=/admin/", username=user, password=password)
    assert "sessionid" in client.cookies


def status(client: httpx.Client, page: str) -> dict[str, Any]:
    """Return how far an import is, or nothing while the site cannot say."""
    try:
        response = client.get(f"{page.rstrip('/')}.json")
    except httpx.TransportError:
        return {}
    return response.json() if response.status_code == httpx.codes.OK else {}


def imported(client: httpx.Client, page: str, seconds: float = SOON) -> dict[str, Any]:
    """Wait until an import has come to its end, and return its last state."""
    return wait_for(f"the import {page}", lambda: (state := status(client, page)) and not state["running"] and state, seconds)
