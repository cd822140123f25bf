"""The template works however it is reached: by path, by `gh:`, replayed, and under cruft, which updates a project later."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, TEMPLATE, Bake, BakedProject, Command, run, template_files

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def succeed(*command: str, cwd: Path, **variables: str) -> None:
    result = run(*command, cwd=cwd, **(GIT_IDENTITY | variables))
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"


def commit_all(repository: Path) -> None:
    succeed("git", "init", "--quiet", cwd=repository)
    succeed("git", "add", "--all", cwd=repository)
    succeed("git", "commit", "--quiet", "--message", "A change", cwd=repository)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return a git repository that holds a copy of the template."""
    copy = tmp_path / "cookiecutter-django-celery"
    for path in template_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path)
    commit_all(copy)
    return copy


def contents(project: BakedProject) -> dict[str, bytes]:
    """Return all that must be the same however the project was made: everything but the secrets."""
    return {path: (project.path / path).read_bytes() for path in project.files() - {".env"} if not path.startswith(".git/")}


def test_a_local_path_and_its_replay_give_the_same_project(cookiecutter_command: Command, tmp_path: Path) -> None:
    first = cookiecutter_command("--no-input", str(ROOT), "project_name=Tea & Co", "broker=redis", "include_example=no")
    assert first.returncode == 0, first.stderr
    (tmp_path / "again").mkdir()
    again = cookiecutter_command("--replay", "--output-dir", str(tmp_path / "again"), str(ROOT))
    assert again.returncode == 0, again.stderr
    assert contents(BakedProject(tmp_path / "again/tea_co")) == contents(BakedProject(tmp_path / "work/tea_co"))


def test_gh(cookiecutter_command: Command, published: Path, tmp_path: Path) -> None:
    hub = tmp_path / "hub/owner/cookiecutter-django-celery.git"
    succeed("git", "clone", "--quiet", "--bare", str(published), str(hub), cwd=tmp_path)
    result = cookiecutter_command("--no-input", "gh:owner/cookiecutter-django-celery")
    assert result.returncode == 0, result.stderr
    assert contents(BakedProject(tmp_path / "work/corner_shop"))


@pytest.fixture
def cruft(config_file: Path, hooks_folder: Path) -> Callable[..., None]:
    # `cruft update` takes no --config-file.
    variables = {"COOKIECUTTER_CONFIG": str(config_file), "TMPDIR": str(hooks_folder)}
    return lambda *arguments, cwd: succeed(sys.executable, "-m", "cruft", *arguments, cwd=cwd, **variables)


def append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")


def test_cruft_updates_a_project_that_its_owner_has_changed(
    cruft: Callable[..., None], published: Path, tmp_path: Path
) -> None:
    cruft("create", "--no-input", str(published), cwd=tmp_path)
    project = BakedProject(tmp_path / "corner_shop")
    readme = project.path / "README.md"
    readme.write_text(f"The owner's line.\n\n{project.read('README.md')}", encoding="utf-8")
    commit_all(project.path)
    env = project.read(".env")

    append(published / TEMPLATE.name / "README.md", "The template's line.")
    append(published / TEMPLATE.name / ".env.example", "NEW_SECRET=<random:NEW_SECRET>")
    commit_all(published)
    cruft("update", "--skip-apply-ask", cwd=project.path)

    assert readme.read_text(encoding="utf-8").startswith("The owner's line.\n")
    assert readme.read_text(encoding="utf-8").endswith("The template's line.\n")
    assert project.read(".env.example").endswith("NEW_SECRET=<random:NEW_SECRET>\n")
    assert project.read(".env") == env
    assert not [path for path in project.files() if path.endswith(".rej")]


def release_before() -> str:
    """Return the last release or, before the first, the commit that last changed the questions."""
    for command in (("describe", "--tags", "--abbrev=0"), ("log", "-1", "--format=%H", "--", "cookiecutter.json")):
        if found := run("git", *command, cwd=ROOT).stdout.strip():
            return found
    pytest.fail("no commit: cruft updates what has a history", pytrace=False)


def test_cruft_updates_a_project_of_the_last_release(
    bake: Bake, cruft: Callable[..., None], published: Path, tmp_path: Path
) -> None:
    """Promise: what its owner changed and added stays, and all else is as in a project that is baked today."""
    shutil.rmtree(published)
    succeed("git", "clone", "--quiet", str(ROOT), str(published), cwd=tmp_path)
    succeed("git", "checkout", "--quiet", "-B", "main", release_before(), cwd=published)
    cruft("create", "--no-input", str(published), cwd=tmp_path)
    project = BakedProject(tmp_path / "corner_shop")
    queues, app = "corner_shop/tasking/queues.py", "corner_shop/invoices/apps.py"
    (project.path / queues).write_text(project.read(queues).replace("concurrency=2", "concurrency=7", 1), encoding="utf-8")
    (project.path / app).parent.mkdir()
    (project.path / app).write_text("# The owner's.\n", encoding="utf-8")
    commit_all(project.path)

    shutil.rmtree(published / TEMPLATE.name)
    for path in template_files():
        (published / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, published / path)
    commit_all(published)
    cruft("update", "--skip-apply-ask", cwd=project.path)

    theirs = contents(project)
    ours = contents(bake("today"))
    assert theirs.pop(app) == b"# The owner's.\n"
    assert theirs.pop(queues) == ours.pop(queues).replace(b"concurrency=2", b"concurrency=7", 1)
    del theirs[".cruft.json"]
    assert theirs == ours


def test_no_secret_is_recorded_by_cruft(cruft: Callable[..., None], published: Path, tmp_path: Path) -> None:
    cruft("create", "--no-input", str(published), cwd=tmp_path)
    project = BakedProject(tmp_path / "corner_shop")
    record = project.read(".cruft.json")
    assert json.loads(record)["context"]["cookiecutter"]["project_slug"] == "corner_shop"
    secrets = {line.partition("=")[2] for line in project.read(".env").splitlines()} - {
        line.partition("=")[2] for line in project.read(".env.example").splitlines()
    }
    assert secrets
    assert not [secret for secret in secrets if secret in record]
