"""A service that does not answer. The task is `ask(number, port)`: it notes `answered`, or `gave_up`.

The service listens on `port` of 127.0.0.1, reads a line with the number, and sends a line.
"""

import socketserver
import time
from threading import Event, Thread
from typing import Any

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT, QUEUES

from workshop.ledger import notes
from workshop.outcome import Bar, Outcome
from workshop.stage import Stage

QUESTIONS = 12
#: As many as the worker has processes.
UNANSWERED = QUEUES[DEFAULT].concurrency
#: Seconds after which who has no answer is taken to get none.
GIVEN_UP = 10

NEVER = Event()


class Service(socketserver.ThreadingTCPServer):
    """Answers all but the first questions."""

    daemon_threads = True
    block_on_close = False

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if int(self.rfile.readline()) < UNANSWERED:
                NEVER.wait()
            self.wfile.write(b"yes\n")

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler)


def play(stage: Stage, tasks: Any) -> Outcome:
    """Have all questions asked, and tell who got an answer in time."""
    with Service() as service:
        Thread(target=service.serve_forever, daemon=True).start()
        stage.start_workers()
        began = time.time()
        for number in range(QUESTIONS):
            tasks.ask.delay(number, service.server_address[1])
        others = QUESTIONS - UNANSWERED
        stage.give_time(lambda: len({each.entry for each in notes("answered")}) == others, GIVEN_UP)
        service.shutdown()

    answered = notes("answered")
    missing = others - len({each.entry for each in answered})
    outcome = Outcome(
        figures={
            "hung calls": str(UNANSWERED),
            "other calls": str(others),
            "answered": str(others - missing),
            f"stuck after {GIVEN_UP} s": str(missing),
            "all through after": "-" if missing else f"{answered[-1].at - began:.1f} s",
        },
        chart_title="other calls",
        chart=[Bar("answered", others - missing), Bar("stuck", missing)],
    )
    if missing:
        outcome.broken.append(f"{missing} calls, to a service that answers, are stuck behind {UNANSWERED} that hang.")
    return outcome
