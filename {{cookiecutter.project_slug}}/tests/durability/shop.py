"""A stage for the proofs: the project on a broker, its processes started as users start them, and a ledger."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import redis

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT, DELIVERY_LIMIT

from sandbox.brokers import RabbitMQ, Redis, Server
from sandbox.project import ROOT, Project

from .checker import Account
from .ledger import NOTES

#: Seconds for what ought to take a few, on a machine that is busy.
SOON = 60

#: What a snippet of `Shop.run` can use: it is the code of a web process.
PREPARE = """
import os, time
import django; django.setup()
from celery import chain, chord, group
from django.db import transaction
from {{ cookiecutter.project_slug }}.tasking.models import DeadLetter, OutboxMessage
from {{ cookiecutter.project_slug }}.tasking.outbox import publisher, relay
from tests.durability.ledger import *
"""

#: Starts a command again whenever it ends, as a container's restart policy does.
SUPERVISOR = "import subprocess, sys\nwhile True: subprocess.run([sys.executable, *sys.argv[1:]])"


class Note(NamedTuple):
    """One line of the ledger: what happened to which entry, when (seconds since the epoch), in which process."""

    kind: str
    entry: str
    at: float
    pid: int


#: What heads the table that ends a run, in Markdown.
TABLE_HEAD = ("| promise | broker | sent | executed | duplicates | lost | recovery |", "| --- " * 7 + "|")


def table_line(promise: str, broker: str, account: Account, recovery: float | None) -> str:
    """Return a proof as a line of the table; `recovery` is in seconds from the end of the fault on."""
    counts = (len(account.acknowledged), len(account.executed), account.duplicates, len(account.lost))
    seconds = "" if recovery is None else f"{recovery:.1f} s"
    return f"| {promise} | {broker} | {' | '.join(map(str, counts))} | {seconds} |"


class Shop:
    """The project on a broker, and the ledger in a Redis that no fault reaches."""

    def __init__(self, folder: Path, broker: Server, results: Redis, ledger: Redis, table: list[str]) -> None:
        self.folder, self.broker, self.results, self._table = folder, broker, results, table
        self.ledger: Any = redis.Redis.from_url(ledger.url, decode_responses=True)
        self.project = Project(
            folder,
            broker.url,
            results.url,
            DJANGO_SETTINGS_MODULE="tests.durability.settings",
            LEDGER_URL=ledger.url,
            HEALTH_DIR=str(folder / "health"),
        )
        self.workers = 0

    @property
    def on_redis(self) -> bool:
        return isinstance(self.broker, Redis)

    def change(self, **settings: Any) -> None:
        """Have the processes that start from now on see other settings; of a dict, those of its keys."""
        before = json.loads(self.project.environment.get("CHANGES", "{}"))
        self.project.environment["CHANGES"] = json.dumps(before | settings)

    def command(self, code: str) -> list[str]:
        return [sys.executable, "-c", PREPARE + code]

    def run(self, code: str) -> str:
        """Run a snippet as a web process of the project and return the last line that it printed."""
        done = subprocess.run(
            self.command(code), cwd=ROOT, env=self.project.environment, stdout=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode in {0, -9}
        return (done.stdout.splitlines() or [""])[-1]  # above it is the log

    def start(self, *command: str, name: str = "") -> str:
        """Start a Python command in the background and return the name of its process."""
        self.workers += 1
        name = name or f"process{self.workers}"
        self.project.start(name, *command)
        return name

    def worker(self, queue: str = DEFAULT, *, restarts: bool = False) -> str:
        """Start a worker, as users do, and wait until it is ready; with `restarts` it is started again when it ends."""
        command = ["manage.py", "worker", queue]
        name = self.start(*(["-c", SUPERVISOR] if restarts else []), *command, name=f"worker{self.workers}")
        self.wait_for(f"{name} ready", lambda: " ready." in self.project.log(name).read_text())
        return name

    def kill(self, name: str) -> float:
        """Kill a process and all that came of it with SIGKILL, and return when."""
        self.project.stop(name, signal.SIGKILL)
        return time.time()

    def cut_connections(self) -> None:
        """Have the broker close every connection of a client."""
        if isinstance(self.broker, RabbitMQ):
            self.broker.ctl("close_all_connections", "--vhost", self.broker.virtual_host, "a fault")
        else:
            with redis.Redis.from_url(self.broker.url) as client:
                client.client_kill_filter(_type="normal", skipme=True)

    def change_redis(self, **options: Any) -> None:
        """On Redis, have the processes that start from now on see other transport options."""
        if self.on_redis:
            self.change(CELERY_BROKER_TRANSPORT_OPTIONS=options)

    def change_deaths(self, delivery_limit: int = DELIVERY_LIMIT) -> None:
        """Have poison given up after so many more deliveries and, on Redis, a worker's death noticed in seconds."""
        if isinstance(self.broker, RabbitMQ):
            limit = json.dumps({"delivery-limit": delivery_limit})
            policy = ("set_policy", "-p", self.broker.virtual_host, "lower", ".*", limit, "--apply-to", "queues")
            self.broker.ctl(*policy)
        self.change_redis(visibility_timeout=5, unacked_restore_interval=1, delivery_limit=delivery_limit)

    def notes(self, *kinds: str) -> list[Note]:
        """Return the notes of these kinds, or all, in their order."""
        lines = (line.split(" ") for line in self.ledger.lrange(NOTES, 0, -1))
        found = [Note(kind, entry, float(at), int(pid)) for kind, entry, at, pid in lines]
        return [note for note in found if not kinds or note.kind in kinds]

    def counted(self, *kinds: str) -> Counter[str]:
        """Return how often each entry was noted with these kinds."""
        return Counter(note.entry for note in self.notes(*kinds))

    def at_work(self) -> set[str]:
        """Return the entries of which a task has begun more often than it ended."""
        return set((self.counted("begin") - self.counted("end")).keys())

    def effects(self) -> list[str]:
        """Return the entry of each row that `charge` made."""
        rows = self.run("print(*Group.objects.values_list('name', flat=True))").split()
        return [row.partition(":")[0] for row in rows]

    def wait_for[T](self, what: str, probe: Callable[[], T], seconds: float = SOON) -> T:
        """Probe until the answer is true, and return it. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not (answer := probe()):
            if time.monotonic() > deadline:
                msg = f"{what}: not within {seconds:g} s"
                raise TimeoutError(msg)
            time.sleep(0.05)
        return answer

    def wait_for_notes(self, kind: str, count: int) -> None:
        """Wait for so many notes of a kind. Raises TimeoutError."""
        self.wait_for(f"{count} of {kind}", lambda: len(self.notes(kind)) >= count)

    def drain(self, entries: set[str], *kinds: str, seconds: float = SOON) -> None:
        """Wait until all entries are noted. It does not complain if they are not: the checker will."""
        try:
            self.wait_for("all entries", lambda: entries <= self.counted(*kinds).keys(), seconds)
        except TimeoutError:
            return

    def letters(self, count: int = 1, seconds: float = SOON) -> list[dict[str, Any]]:
        """Wait for so many dead letters, collecting them as the schedule would, and return them, the oldest first."""
        code = "from {{ cookiecutter.project_slug }}.tasking.dead_letters.collector import collect\n"
        code += "collect(); import json; letters = DeadLetter.objects.order_by('pk').values()\n"
        code += "print(json.dumps(list(letters), default=str))"

        def collected() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = json.loads(self.run(code))
            return found if len(found) >= count else []

        return self.wait_for(f"{count} dead letters", collected, seconds)

    def prove(self, promise: str, account: Account, recovery: float | None = None) -> None:
        """Add a line to the table, and fail if something was lost or came from nowhere."""
        self._table.append(table_line(promise, self.broker.name, account, recovery))
        assert account.lost == set()
        assert account.unexpected == set()
