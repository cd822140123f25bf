"""Run the probes side by side, and end in time whatever they meet."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from django.db import connections

from .finding import Finding, failure

#: Seconds after which what has not answered does not answer. With the start of Python and Django, less than five.
DEADLINE = 2.0

#: Seconds that a probe waits for one answer of a socket: less, so that most of them end by themselves.
PATIENCE = 1.5


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that is looked at in a thread of its own.

    It yields what it finds as it finds it. What it raises, or a deadline that it misses, is a failure of `subject`.
    """

    subject: str
    look: Callable[[], Iterable[Finding]]
    remedy: str
    #: Where it looks, for its failure: an address without a password.
    place: str = ""

    def fails(self, why: str) -> Finding:
        return failure(self.subject, f"{self.place}: {why}" if self.place else why, self.remedy)


class _Look(Thread):
    """A probe at work. The process does not wait for it: a daemon."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(name=probe.subject, daemon=True)
        self.probe = probe
        self.found: list[Finding] = []

    def run(self) -> None:
        try:
            for finding in self.probe.look():
                self.found.append(finding)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was found
            self.found.append(self.probe.fails(in_one_line(error)))
        finally:
            with suppress(Exception):  # it may be half-open
                connections.close_all()


def examine(probes: Sequence[Probe], deadline: float = DEADLINE) -> list[Finding]:
    """Return what all probes find within so many seconds, in their order."""
    end = time.monotonic() + deadline
    looks = [_Look(probe) for probe in probes]
    for look in looks:
        look.start()
    findings: list[Finding] = []
    for look in looks:
        look.join(max(end - time.monotonic(), 0))
        is_late = look.is_alive()  # before its findings are read: what is not late has found all
        findings += look.found
        if is_late:
            findings.append(look.probe.fails(f"no answer within {deadline:g} s"))
    return findings


def in_one_line(error: BaseException) -> str:
    """Return an error as a line for a person, without the part of a password that a URL's parser takes for a port."""
    if isinstance(error, ValueError) and str(error).startswith("Port "):
        return "ValueError: the URL cannot be read; in its password, special characters are written as %XX"
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}".removesuffix(": ")
