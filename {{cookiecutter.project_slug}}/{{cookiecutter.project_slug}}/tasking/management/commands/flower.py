"""`manage.py flower`: Flower, the monitor of workers and tasks, behind a login."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Start Flower. FLOWER_BASIC_AUTH=NAME:PASSWORD is required: Flower shows arguments and stops workers."
    requires_system_checks = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="127.0.0.1", help="where to listen; by default this machine only")
        parser.add_argument("--port", type=int, default=5555)
        parser.add_argument("--url-prefix", default="", help="the path at which a proxy serves it")

    def handle(self, *, address: str, port: int, url_prefix: str, **_: Any) -> None:
        login = os.environ.get("FLOWER_BASIC_AUTH", "")
        if not all(login.partition(":")):
            msg = "FLOWER_BASIC_AUTH is not set: give NAME:PASSWORD in the environment or in .env."
            raise CommandError(msg)
        # This process becomes Flower, which reads the login from the environment: it stands in no list of processes.
        flags = [f"--address={address}", f"--port={port}", f"--url_prefix={url_prefix}"]
        os.execv(sys.executable, [sys.executable, "-m", "celery", "--app=config", "flower", *flags])  # noqa: S606
