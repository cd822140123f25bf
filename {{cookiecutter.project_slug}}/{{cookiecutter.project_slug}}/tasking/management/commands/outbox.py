"""`manage.py outbox`: publish what could not be published at its commit. It needs neither beat nor a worker."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ...models import OutboxMessage
from ...outbox.relay import relay


class Command(BaseCommand):
    help = "Publish the messages in the outbox that are due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="once, which is the default")
        how.add_argument("--watch", type=float, metavar="SECONDS", help="again and again, so many seconds apart")

    def handle(self, *, watch: float | None, **_: Any) -> None:
        while True:
            published = relay()
            if published or watch is None:
                self.stdout.write(f"{published} published, {OutboxMessage.objects.count()} left")
            if watch is None:
                return
            time.sleep(watch)
