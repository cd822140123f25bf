"""`manage.py doctor`: what is wrong with the live system, and what to do. Exit code 1: something is."""

import json
import logging
import shutil
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand

from ...doctor.examination import examine
from ...doctor.finding import Finding, Level
from ...doctor.probes import probes


class Command(BaseCommand):
    """Prints what the probes of `tasking/doctor/` find.

    With `--format json` that is a list of objects with the keys `level` (ok, warning or failure), `subject`, `finding`
    and `remedy` (empty if all is well).
    """

    help = "Examine broker, queues, workers, beat, results, database and settings, and say what is wrong."
    requires_system_checks = []  # noqa: RUF012 - it is for a project that is broken

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text", help="default: text")

    def handle(self, *, format: str, **_: Any) -> None:  # noqa: A002 - the name of the option
        # Standard output is for the findings; what a probe that hangs may still say has been found.
        logging.disable(logging.CRITICAL)
        # The app itself, not the proxy: which app is current is a matter of the thread.
        findings = examine(probes(current_app._get_current_object()))  # type: ignore[attr-defined]
        if format == "json":
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            # In one piece: for each line alone, `doctor | head` would end in a broken pipe.
            self.stdout.write("\n".join(self.text(findings)))
        if any(finding.level is Level.FAILURE for finding in findings):
            sys.exit(1)

    def text(self, findings: Sequence[Finding]) -> Iterator[str]:
        """Yield a line for each finding, in columns; on a terminal, in colour and broken at its width."""
        paint = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.FAILURE: self.style.ERROR}
        subjects = max(len(finding.subject) for finding in findings)
        margin = len(Level.WARNING) + subjects + 4
        width = shutil.get_terminal_size().columns if self.stdout.isatty() else sys.maxsize
        for finding in findings:
            level = paint[finding.level](f"{finding.level:<{len(Level.WARNING)}}")
            lines = wrap(finding.finding, max(width - margin, 20))
            if finding.remedy:
                lines += wrap(f"-> {finding.remedy}", max(width - margin, 20), subsequent_indent="   ")
            yield f"{level}  {finding.subject:<{subjects}}  {lines[0]}"
            yield from (" " * margin + line for line in lines[1:])
        levels = Counter(finding.level for finding in findings)
        counts = [f"{levels[Level.OK]} ok"]
        counts += [
            paint[level](f"{levels[level]} {level}{'s' * (levels[level] != 1)}")
            for level in (Level.WARNING, Level.FAILURE)
            if levels[level]
        ]
        yield f"\n{', '.join(counts)}"
