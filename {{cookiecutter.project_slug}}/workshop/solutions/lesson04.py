"""Solution 4: the call ends by itself, and is tried again; behind it stand limits that fit this task."""

import socket

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note

#: Seconds that the service may take.
PATIENCE = 2


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    soft_time_limit=5,
    time_limit=8,
)
def ask(number: int, port: int) -> None:
    """Ask for the price. Again: the same price. Raises TimeoutError, for which the base class retries."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as service:
        service.sendall(f"{number}\n".encode())
        if service.recv(100):
            note("answered", number)
