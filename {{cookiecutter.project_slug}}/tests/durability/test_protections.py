"""The proof of the proofs: with any one protection taken away, a test fails."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.project import ROOT

from .protections import PROTECTIONS

pytestmark = [pytest.mark.broker, pytest.mark.undo]

#: Seconds for one test, the wait of those that end by their deadline included.
TIMEOUT = 400


@pytest.mark.parametrize("name", PROTECTIONS)
def test_a_protection_that_is_gone_is_noticed(name: str) -> None:
    """The named test runs in a process of its own, without the protection. Promise: it fails."""
    test = Path(__file__).parent.relative_to(ROOT) / PROTECTIONS[name].noticed_by
    command = [sys.executable, "-m", "pytest", "-m", "broker", "-p", "no:cacheprovider", "-q", "--tb=line", str(test)]
    environment = os.environ | {"UNDO": name}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
    )
    # A test that is not there, or whose set-up breaks, is no failure of the proof.
    assert re.search(r"^1 failed in ", run.stdout, re.MULTILINE), run.stdout[-3000:]
