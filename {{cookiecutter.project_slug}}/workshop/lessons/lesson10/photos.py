"""What photos are like."""

import os
import signal
import time

from workshop.ledger import note

PHOTOS = 10
POISON = 3


def make_smaller(photo: int) -> None:
    """Make a photo smaller. One kills the process that opens it, as a broken file may do to a library in C."""
    note("opened", photo)
    if photo == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    note("smaller", photo)
