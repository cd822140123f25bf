"""A soft limit, at which the task gives up in good order, and a hard one for what does not heed it."""

import socket

from celery.exceptions import SoftTimeLimitExceeded

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    idempotent=True,
    soft_time_limit=2,
    time_limit=5,
)
def ask(number: int, port: int) -> None:
    """Ask the service. Again: the same question. Raises SoftTimeLimitExceeded."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as service:
            service.sendall(f"{number}\n".encode())
            if service.recv(100):
                note("answered", number)
    except SoftTimeLimitExceeded:
        note("gave_up", number)
        raise
