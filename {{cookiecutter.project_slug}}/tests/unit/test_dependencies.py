"""What is installed is what `pyproject.toml` names: a resolver that falls back to an old release does so unseen."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = [
    requirement
    for line in (*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"])
    if not (requirement := Requirement(line)).marker or requirement.marker.evaluate()
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_a_dependency_is_pinned_and_installed_as_pinned(requirement: Requirement) -> None:
    """One version and no range, so that only a person changes it."""
    (pin,) = requirement.specifier
    assert pin.operator == "=="
    assert version(requirement.name) == pin.version
