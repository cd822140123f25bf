"""Exercise 5. A shop resizes pictures, many at a time; and it mails a link to whoever forgot the password.

People complain that the mail takes ages, but only after somebody has uploaded a catalogue. Mend it:
`make check-lesson N=5`. A click may wait a second, with 200 pictures in line.

Hint 1: which queue does each task go to, and who else is in it? `manage.py tasks` shows it for the project's own.
Hint 2: `tasking/queues.py` names three queues by what they promise. Each has a worker.
Hint 3: a higher priority would not do: it sorts what waits, but the processes are still at work on pictures.
"""

import time

from {{ cookiecutter.project_slug }}.tasking.decorator import shared_task
from {{ cookiecutter.project_slug }}.tasking.queues import BULK

from workshop.ledger import note


@shared_task(
    queue=BULK,
    idempotent=True,
)
def bulk(number: int) -> None:
    """Resize a picture. Again: the same picture."""
    time.sleep(0.05)
    note("bulk", number)


@shared_task(
    queue=BULK,
    idempotent=True,
)
def click(number: int) -> None:
    """Mail the link. Again: the same link."""
    note("click", number)
