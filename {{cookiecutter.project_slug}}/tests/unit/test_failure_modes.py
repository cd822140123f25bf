"""Every test that `docs/failure-modes.md` names exists, and every protection's test does."""

import re

import pytest

from .references import ROOT, follow

DURABILITY = ROOT / "tests/durability"
PAGE = (ROOT / "docs/failure-modes.md").read_text(encoding="utf-8")
PROTECTIONS = (DURABILITY / "protections.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[\w/]*test_\w+\.py(?:::test_\w+)?", PAGE + PROTECTIONS))))
def test_what_is_named_as_proof_exists(name: str) -> None:
    follow(name, ROOT, DURABILITY)
