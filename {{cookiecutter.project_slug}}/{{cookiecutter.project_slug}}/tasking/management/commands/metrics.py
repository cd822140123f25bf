"""`manage.py metrics`: what waits in the system, for Prometheus. One of it is enough for all workers."""

from argparse import ArgumentParser
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand
from prometheus_client import start_http_server
from prometheus_client.registry import CollectorRegistry

from ...metrics.system import SystemCollector


class Command(BaseCommand):
    help = "Serve what waits - in queues, outbox, among the dead letters - to Prometheus, until it is stopped."
    requires_system_checks = []  # noqa: RUF012 - as Django has it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="127.0.0.1", help="where to listen; by default this machine only")
        parser.add_argument("--port", type=int, default=9799)

    def handle(self, *, address: str, port: int, **_: Any) -> None:
        registry = CollectorRegistry()
        registry.register(SystemCollector(current_app))
        _server, thread = start_http_server(port, address, registry)
        self.stdout.write(f"http://{address}:{port}/metrics")
        thread.join()
