"""`manage.py worker QUEUE`: a Celery worker with the flags that the table of queues says."""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from importlib.util import find_spec
from pathlib import Path
from shlex import join
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ...queues import QUEUES, worker_flags

ALL = "all"
#: Seconds between two looks at the workers.
POLL_INTERVAL = 0.1


class Command(BaseCommand):
    help = "Start a worker for each named queue; 'all' names every queue."
    # The worker itself runs them when it starts, see `checks/worker_start.py`.
    requires_system_checks = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [*QUEUES, ALL]
        parser.add_argument("queues", nargs="+", choices=names, metavar="QUEUE", help=", ".join(names))
        parser.add_argument("--reload", action="store_true", help="start again when the source changes (development)")

    def handle(self, *, queues: list[str], **options: Any) -> None:
        names = list(QUEUES) if ALL in queues else list(dict.fromkeys(queues))
        if options["reload"]:
            reload_on_change([sys.executable, "manage.py", "worker", *names])
            return
        # Celery reads it when it is imported: being told to end is a soft shutdown, see `settings/celery.py`.
        os.environ["REMAP_SIGTERM"] = "SIGQUIT"
        commands = [[sys.executable, "-m", "celery", "--app=config", "worker", *worker_flags(name)] for name in names]
        if len(commands) == 1:
            # This process becomes the worker: signals reach it, and there is nothing in between.
            os.execv(sys.executable, commands[0])  # noqa: S606
        sys.exit(supervise(commands))


def supervise(commands: list[list[str]]) -> int:
    """Run the commands side by side until one ends, stop the others in good order, return an exit code as a shell does.

    It is never 0 unless a signal asked for the end, so a missing worker is not overlooked.
    """
    workers: list[subprocess.Popen[bytes]] = []
    stopping = False

    def forward(signum: int, _frame: FrameType | None = None) -> None:
        nonlocal stopping
        stopping = True
        for worker in workers:
            # A closed terminal is an end; Celery would take it for a restart.
            worker.send_signal(signal.SIGTERM if signum == signal.SIGHUP else signum)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(signum, forward)
    for command in commands:
        if stopping:
            break
        # A group of its own: Ctrl-C reaches it once, from here; a second one would stop Celery in mid-task.
        worker = subprocess.Popen(command, process_group=0)  # noqa: S603
        workers.append(worker)
    # Looked at in turns: a signal that comes just before a call that blocks would wait until a worker ends.
    while not (ended := [code for worker in workers if (code := worker.poll()) is not None]):
        time.sleep(POLL_INTERVAL)
    code = ended[0]
    if not stopping:
        # Nobody asked for it, so even a good end is a failure: what supervises this process is to start it again.
        forward(signal.SIGTERM)
        code = code or 1
    for worker in workers:
        worker.wait()
    return code if code >= 0 else 128 - code


def reload_on_change(command: list[str]) -> None:
    """Run the command, and again whenever a Python file of the project changes. Nothing but the source is watched."""
    if not find_spec("watchfiles"):
        msg = "--reload needs watchfiles, a development dependency: uv sync"
        raise CommandError(msg)
    source = [str(Path(settings.BASE_DIR, folder)) for folder in ("config", settings.PACKAGE)]
    # Seconds for the tasks at work to end; those of a killed worker would wait long for their next delivery.
    flags = ["--filter=python", "--target-type=command", "--sigint-timeout=30"]
    # This process becomes the watcher, which has no need of Django.
    os.execv(sys.executable, [sys.executable, "-m", "watchfiles", *flags, join(command), *source])  # noqa: S606
