"""`manage.py worker`: what it refuses, and how it looks after several workers."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

#: Says that it runs, in one piece, then waits; ends in good order when it is told to, however soon.
PATIENT = "import os, signal; signal.pthread_sigmask(0, [15]); os.write(1, b'up\\n'); signal.sigwait([15])"

SUPERVISOR = """
import sys
from {{ cookiecutter.project_slug }}.tasking.management.commands.worker import supervise
sys.exit(supervise([[sys.executable, "-c", code] for code in sys.argv[1:]]))
"""


@pytest.mark.parametrize("queues", [["urgent"], ["critical", "urgent"], []])
def test_an_unknown_queue_is_refused(queues: list[str]) -> None:
    with pytest.raises(CommandError, match=r"invalid choice: 'urgent' .*critical.*all|required"):
        call_command("worker", *queues)


@contextmanager
def supervised(*codes: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that supervises a process for each piece of code; none of them outlives the test."""
    command = [sys.executable, "-c", SUPERVISOR, *codes]
    with subprocess.Popen(
        command, cwd=Path(settings.BASE_DIR), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as supervisor:
        try:
            yield supervisor
        finally:
            subprocess.run(["pkill", "-KILL", "-s", str(supervisor.pid)], check=False)


def test_when_one_worker_ends_all_end_with_its_code() -> None:
    with supervised(PATIENT, "import sys; sys.exit(3)", PATIENT) as supervisor:
        assert supervisor.wait(timeout=20) == 3


def test_a_worker_that_ends_unasked_is_a_failure() -> None:
    with supervised(PATIENT, "pass") as supervisor:
        assert supervisor.wait(timeout=20) == 1


def test_a_killed_worker_gives_the_code_that_a_shell_gives() -> None:
    with supervised(PATIENT, "import os; os.kill(os.getpid(), 9)") as supervisor:
        assert supervisor.wait(timeout=20) == 128 + 9


def test_a_signal_reaches_every_worker_once() -> None:
    with supervised(PATIENT, PATIENT) as supervisor:
        assert supervisor.stdout is not None
        assert [supervisor.stdout.readline() for _ in range(2)] == ["up\n", "up\n"]
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(timeout=20) == 0
