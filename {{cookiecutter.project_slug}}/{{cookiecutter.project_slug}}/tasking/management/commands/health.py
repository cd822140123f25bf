"""`manage.py health`: whether workers and beat are alive, and whether every queue is read. Exit code 1: no."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import canary, health
from ...queues import QUEUES


class Command(BaseCommand):
    help = "Say how long ago a worker or beat on this machine gave a sign of life, or a canary passed each queue."
    requires_system_checks = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True, metavar="worker|beat|queues")
        worker = parts.add_parser("worker", help="the worker of a queue, on this machine")
        worker.add_argument("queue", choices=QUEUES, metavar="QUEUE", help=", ".join(QUEUES))
        beat = parts.add_parser("beat", help="beat, on this machine: leading or standing by")
        for part in (worker, beat):
            part.add_argument("--max-age", type=int, default=health.MAX_AGE, metavar="SECONDS", help="default: 60")
        parts.add_parser("queues", help="all queues, wherever their workers are")

    def handle(self, *, part: str, **options: Any) -> None:
        match part:
            case "queues":
                self.tell_queues()
            case "worker":
                self.tell_process(health.worker(options["queue"]), options["max_age"])
            case _:
                self.tell_process(health.BEAT, options["max_age"])

    def tell_process(self, name: str, max_age: int) -> None:
        try:
            heartbeat = health.read(name)
        except health.NoHeartbeatError as error:
            raise CommandError(str(error)) from error
        line = f"{name}: {heartbeat.state}, {heartbeat.age:.0f} s ago, process {heartbeat.pid}"
        if not heartbeat.is_fresh(max_age):
            msg = f"{line}: too old, the limit is {max_age} s"
            raise CommandError(msg)
        self.stdout.write(line)

    def tell_queues(self) -> None:
        passages = canary.passages()
        for passage in passages:
            self.stdout.write(str(passage))
        if late := [passage.queue for passage in passages if passage.is_late]:
            msg = f"not read, or far behind: {', '.join(late)}"
            raise CommandError(msg)
