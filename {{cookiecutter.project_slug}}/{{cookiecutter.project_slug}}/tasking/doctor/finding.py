"""One thing that was looked at, and how it fares."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: It works, but not as well, or not for ever.
    WARNING = "warning"
    #: It does not work, or messages may be lost.
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it: nothing, if all is well."""

    level: Level
    subject: str
    finding: str
    remedy: str = ""


def ok(subject: str, finding: str) -> Finding:
    return Finding(Level.OK, subject, finding)


def warning(subject: str, finding: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, subject, finding, remedy)


def failure(subject: str, finding: str, remedy: str) -> Finding:
    return Finding(Level.FAILURE, subject, finding, remedy)


def duration(seconds: float) -> str:
    """Return a time as a person says it: `0.2 s`, `42 s`, `7 min`, `3 h`, `2 d`."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 consumer`, `2 consumers`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
