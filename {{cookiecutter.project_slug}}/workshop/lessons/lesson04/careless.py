"""No timeout, and limits as good as none."""

import socket

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    soft_time_limit=7200,
    time_limit=7300,
)
def ask(number: int, port: int) -> None:
    """Ask the service."""
    with socket.create_connection(("127.0.0.1", port)) as service:
        service.sendall(f"{number}\n".encode())
        if service.recv(100):
            note("answered", number)
