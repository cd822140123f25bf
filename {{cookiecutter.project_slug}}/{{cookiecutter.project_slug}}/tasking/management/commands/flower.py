"""`manage.py flower`: Flower, the monitor of workers and tasks, behind a login, and to look only."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Start Flower. FLOWER_BASIC_AUTH=NAME:PASSWORD is required: Flower shows what tasks are called with."
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
        # Flower reads what is secret from the environment: so it stands in no list of processes.
        if settings.RABBITMQ_MANAGEMENT_URL:
            os.environ.setdefault("FLOWER_BROKER_API", f"{settings.RABBITMQ_MANAGEMENT_URL.rstrip('/')}/api/")
        # This process becomes Flower.
        flags = [f"--address={address}", f"--port={port}", f"--url_prefix={url_prefix}", "--read_only=True"]
        os.execv(sys.executable, [sys.executable, "-m", "celery", "--app=config", "flower", *flags])  # noqa: S606
