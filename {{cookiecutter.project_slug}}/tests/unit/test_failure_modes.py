"""Every test that `docs/failure-modes.md` names exists, and every protection's test does."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
DURABILITY = ROOT / "tests/durability"
PAGE = (ROOT / "docs/failure-modes.md").read_text(encoding="utf-8")
PROTECTIONS = (DURABILITY / "protections.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[\w/]*test_\w+\.py(?:::test_\w+)?", PAGE + PROTECTIONS))))
def test_what_is_named_as_proof_exists(name: str) -> None:
    file, _, test = name.partition("::")
    path = ROOT / file if "/" in file else DURABILITY / file
    functions = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    assert not test or test in functions
