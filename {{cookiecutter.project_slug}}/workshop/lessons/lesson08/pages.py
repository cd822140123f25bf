"""What drawing pages is like."""

import os
import signal
import time

from workshop.ledger import note, notes

REPORTS = 3
PAGES = 4
#: Too much for the process that draws it first.
HEAVY = "1.2"


def draw_page(report: int, page: int) -> str:
    """Draw a page, and return its name."""
    name = f"{report}.{page}"
    note("drawing", name)
    if name == HEAVY and len([each for each in notes("drawing") if each.entry == HEAVY]) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    note("drawn", name)
    return name
