"""A release: what it writes, and what it refuses."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- A queue.\n\n## 0.9.0 (2026-01-02)\n\n- A task.\n"


@pytest.fixture
def release() -> Any:  # noqa: ANN401 - a module that is no package's
    spec = importlib.util.spec_from_file_location("release", ROOT / ".github/release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.release


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.9.0"\n', encoding="utf-8")
    return tmp_path


def test_what_is_unreleased_becomes_a_release(release: Any, folder: Path) -> None:  # noqa: ANN401
    assert release("1.0.0", folder) == "- A queue."
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased\n\n## 1.0.0 (20" in changelog
    assert changelog.index("A queue") < changelog.index("## 0.9.0") < changelog.index("A task")
    assert 'version = "1.0.0"' in (folder / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("version", "sentence"), [("1.0", "no version"), ("0.9.0", "has been released")])
def test_what_is_no_new_version_is_refused(release: Any, folder: Path, version: str, sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=sentence):
        release(version, folder)
    assert (folder / "CHANGELOG.md").read_text(encoding="utf-8") == CHANGELOG


def test_nothing_is_not_released_twice(release: Any, folder: Path) -> None:  # noqa: ANN401
    release("1.0.0", folder)
    with pytest.raises(ValueError, match="nothing under Unreleased"):
        release("1.0.1", folder)
