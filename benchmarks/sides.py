"""The two that are compared: the baked project, and a bare one as the first steps of Celery's guide for Django give it.

Both get the same tasks, run on the same private broker in turns, and start their workers as their own pages say.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import redis
from amqp import NotFound
from kombu import Connection

#: Where tasks write when they ran; a database of Redis that nothing else uses.
LEDGER = 9

#: The same bodies for both; `stamp` notes the seconds from sending to start.
TASKS = '''
import os, time, redis
{imports}

ledger = redis.Redis.from_url(os.environ["LEDGER_URL"])

{noop}
def noop() -> None:
    """Do nothing. Again: nothing."""

{stamp}
def stamp(sent: float) -> None:
    """Note how long it took to start. Again: a second note."""
    ledger.rpush("stamps", time.time() - sent)

{burn}
def burn(seconds: float) -> None:
    """Keep a core busy. Again: once more."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

{part}
def part(number: int) -> int:
    """Be a part of a chord. Again: the same number."""
    return number

{body}
def body(numbers: list[int], sent: float) -> None:
    """End a chord. Again: a second note."""
    ledger.rpush("bodies", time.time() - sent)
'''

CHORD = "from celery import chord; chord([part.s(n) for n in range(int(sys.argv[1]))])(body.s(sent=time.time()))"

BARE_CELERY = """
import os
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bare.settings")
app = Celery("bare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""

BARE_SETTINGS = """
import os
INSTALLED_APPS += ["bare"]
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_RESULT_BACKEND = os.environ["REDIS_URL"]
"""


@dataclass
class Side:
    """A project with the tasks, and how its workers are started."""

    name: str
    folder: Path
    module: str
    environment: dict[str, str]
    #: The arguments of Python that start a worker, by what it is to work on; the same worker may be for all.
    workers: dict[str, Sequence[str]]
    #: The queue on which each task ends.
    queues: dict[str, str]

    def run(self, code: str, *arguments: object) -> list[float]:
        """Run code with the tasks at hand; it prints a list of numbers as JSON, which is returned."""
        start = f"import json, sys, time, django; django.setup()\nfrom {self.module} import *\n"
        command = [sys.executable, "-c", start + code, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, check=True, stdout=subprocess.PIPE, text=True)
        numbers: list[float] = json.loads(done.stdout or "[]")
        return numbers

    def chord(self, parts: int, ledger: redis.Redis) -> float:
        """Return the seconds from the call of a chord to the start of its body, which workers are to run."""
        self.run(CHORD, parts)
        wait_until(lambda: ledger.llen("bodies") > 0)
        return float(ledger.lpop("bodies"))

    @contextmanager
    def working(self, *names: str) -> Iterator[list[int]]:
        """Have workers run, each once; yield their process ids.

        They are killed, since what was measured needs no orderly end.
        """
        processes = [
            subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            for command in dict.fromkeys(tuple(self.workers[name]) for name in names)
        ]
        try:
            yield [process.pid for process in processes]
        finally:
            for process in processes:
                os.killpg(process.pid, 9)
                process.wait()


def waiting(url: str, queue: str) -> int:
    """Return how many messages are ready on a queue; -1 where there is none."""
    connection = connected(url)
    if isinstance(connection, redis.Redis):
        return int(connection.llen(queue))
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return -1


@cache
def connected(url: str) -> redis.Redis | Connection:
    """Return the one connection to a broker: who asks often is not to take the CPU of those who are measured."""
    return redis.Redis.from_url(url) if url.startswith("redis") else Connection(url)


def family(pid: int) -> Iterator[int]:
    """Yield the id of a process and of all that came of it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process and all that came of it have used, those that have ended included."""
    used = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used += sum(map(int, fields[11:15]))
    return used / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the megabytes (PSS) of a process and of all that came of it."""
    total = 0
    for member in family(pid):
        try:
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Return when a condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def variables(folder: Path, broker_url: str, results_url: str, ledger_url: str) -> dict[str, str]:
    """Return the environment of a side that keeps its files in a folder."""
    return os.environ | {
        "CELERY_BROKER_URL": broker_url,
        "REDIS_URL": results_url,
        "LEDGER_URL": ledger_url,
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "HEALTH_DIR": str(folder / "health"),
    }


def ours(project: Path, environment: dict[str, str]) -> Side:
    """Return the baked project, into which an app with the tasks is put."""
    package = next(path.parent.parent.name for path in project.glob("*/tasking/queues.py"))
    app = project / package / "measured"
    app.mkdir(exist_ok=True)
    (app / "__init__.py").touch()
    (app / "apps.py").write_text(
        f'from django.apps import AppConfig\n\nclass Measured(AppConfig):\n    name = "{package}.measured"\n'
    )
    imports = (
        f"from {package}.tasking.decorator import shared_task\nfrom {package}.tasking.queues import BULK, CRITICAL, DEFAULT"
    )
    with_queue = "@shared_task(queue={}, idempotent=True{})".format
    tasks = TASKS.format(
        imports=imports,
        noop=with_queue("DEFAULT", ""),
        stamp=with_queue("CRITICAL", ""),
        burn=with_queue("BULK", ""),
        part=with_queue("DEFAULT", ", ignore_result=False"),
        body=with_queue("DEFAULT", ""),
    )
    (app / "tasks.py").write_text(tasks)
    queues = {"noop": "default", "stamp": "critical", "burn": "bulk"}
    workers = {queue: ["manage.py", "worker", queue] for queue in queues.values()}
    environment = environment | {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
    return Side("ours", project, f"{package}.measured.tasks", environment, workers, queues)


def leave(project: Path) -> None:
    """Remove the tasks from the baked project again."""
    for app in project.glob("*/measured"):
        shutil.rmtree(app)


def bare(folder: Path, environment: dict[str, str]) -> Side:
    """Return a project made by `startproject` and what the guide adds; one worker for its one queue."""
    subprocess.run([sys.executable, "-m", "django", "startproject", "bare", str(folder)], check=True)
    package = folder / "bare"
    (package / "celery.py").write_text(BARE_CELERY)
    (package / "__init__.py").write_text('from .celery import app as celery_app\n\n__all__ = ("celery_app",)\n')
    with (package / "settings.py").open("a") as settings:
        settings.write(BARE_SETTINGS)
    decorators = dict.fromkeys(("noop", "stamp", "burn", "part", "body"), "@shared_task")
    (package / "tasks.py").write_text(TASKS.format(imports="from celery import shared_task", **decorators))
    command = ["-m", "celery", "-A", "bare", "worker", "-l", "INFO", "--concurrency=2"]
    queues = dict.fromkeys(("noop", "stamp", "burn"), "celery")
    environment = environment | {"DJANGO_SETTINGS_MODULE": "bare.settings"}
    return Side("bare", folder, "bare.tasks", environment, dict.fromkeys(("default", "critical", "bulk"), command), queues)
