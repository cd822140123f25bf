"""The workflows of continuous integration: the linter has nothing to say, and what they run are the Makefile's targets."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, Bake

#: What brings the tools that a command of the Makefile needs.
SET_UP = re.compile(r"^(sudo )?(apt-get|apk) ")


def actionlint(folder: Path) -> subprocess.CompletedProcess[str]:
    assert shutil.which("actionlint")
    workflows = sorted(map(str, (folder / ".github/workflows").glob("*.yml")))
    return subprocess.run(["actionlint", *workflows], cwd=folder, capture_output=True, text=True, check=False)


def commands(node: Any) -> list[str]:  # noqa: ANN401 - whatever YAML holds
    """Return the shell commands of a workflow, of GitHub's or GitLab's."""
    match node:
        case dict():
            own = [node["run"]] if "run" in node else [*node.get("script", []), *node.get("before_script", [])]
            return own + [command for value in node.values() for command in commands(value)]
        case list():
            return [command for value in node for command in commands(value)]
    return []


def test_our_own_workflow_is_clean() -> None:
    done = actionlint(ROOT)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_workflow_of_a_project_is_clean(bake: Bake) -> None:
    done = actionlint(bake(ci="github").path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("ci", "file"), [("github", ".github/workflows/ci.yml"), ("gitlab", ".gitlab-ci.yml")])
def test_it_runs_the_targets_of_the_makefile(bake: Bake, ci: str, file: str) -> None:
    project = bake(ci=ci)
    targets = re.findall(r"^([a-z-]+):.*## ", project.read("Makefile"), re.MULTILINE)
    run = [command for command in commands(yaml.safe_load(project.read(file))) if not SET_UP.match(command)]
    assert {"make lint", "make test-unit", "make test-durability", "make audit", "make smoke", "make image"} == set(run)
    assert {command.removeprefix("make ") for command in run} <= set(targets)


def test_the_permissions_are_few_and_the_actions_pinned(bake: Bake) -> None:
    text = bake(ci="github").read(".github/workflows/ci.yml")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)
