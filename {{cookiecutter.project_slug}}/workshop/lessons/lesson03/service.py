"""A service that can answer so many calls in a second, and refuses the rest."""

import time

from {{ cookiecutter.project_slug }}.tasking.errors import TransientError

from workshop.ledger import connect, note

CAPACITY = 10


def ask(number: int) -> None:
    """Call the service. Raises TransientError when too many have called in this second."""
    note("attempt", number)
    with connect() as client:
        key = f"calls:{int(time.time())}"
        if client.incr(key) > CAPACITY:
            raise TransientError("too many calls")
    note("answered", number)
