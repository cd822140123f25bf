"""Exercise 4. A task asks a partner's service for the price of a parcel. Once a week all workers stand still.

Nothing is in the log, the processors are idle, and a restart helps. Mend it: `make check-lesson N=4`. Two questions may
get no answer; the other ten must.

Hint 1: what does `recv` do when the other side has taken the question and says no more?
Hint 2: a socket has a timeout, if somebody sets it. What ends a task that hangs in something else?
Hint 3: the limits of the queue are for its longest task. The decorator may set tighter ones; so may the call.
"""

import socket

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from workshop.ledger import note


@shared_task(
    queue=DEFAULT,
    idempotent=True,
)
def ask(number: int, port: int) -> None:
    """Ask for the price. Again: the same price."""
    with socket.create_connection(("127.0.0.1", port)) as service:
        service.sendall(f"{number}\n".encode())
        if service.recv(100):
            note("answered", number)
