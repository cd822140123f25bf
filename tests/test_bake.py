"""Every pair of answers renders, to exactly the files that it should, all of them valid and none with a trace of Jinja."""

import json
import re
import stat
import tomllib
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from answers import BECAUSE_OF, CHOICES, PAIRWISE, Answers, label, possible_pairs
from conftest import ROOT, TEMPLATE, Bake, BakedProject, Command, template_files

every_pair = pytest.mark.parametrize("chosen", PAIRWISE, ids=label)

# Braces are Django's in its templates, and follow a dollar in a workflow of GitHub's.
BRACES = re.compile(r"(?<!\$)\{\{|\{%|\{#")


def rendered_name(path: str, package: str) -> str:
    return path.replace("{{cookiecutter.project_slug}}", package)


def lies_in(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def expected_files(chosen: Answers, package: str) -> set[str]:
    inside = f"{TEMPLATE.name}/"
    every = {rendered_name(path.removeprefix(inside), package) for path in template_files() if path.startswith(inside)}
    excluded = tuple(
        path.format(package=package)
        for (question, answer), paths in BECAUSE_OF.items()
        if chosen[question] != answer
        for path in paths
    )
    return {path for path in every if not lies_in(path, excluded)} | {".env"}


def texts(project: BakedProject) -> Iterator[tuple[str, str]]:
    """Return path and text of every file but the samples, some of which are broken on purpose."""
    return ((path, project.read(path)) for path in sorted(project.files()) if "/samples/" not in path)


def test_pairwise_covers_all_pairs() -> None:
    covered = {frozenset(pair) for chosen in PAIRWISE for pair in combinations(chosen.items(), 2)}
    assert covered == possible_pairs()


def test_the_questions_and_their_choices_are_those_of_the_tests() -> None:
    questions = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    public = [name for name in questions if not name.startswith("_")]
    assert public == ["project_name", "project_slug", "description", "author_name", "author_email", *CHOICES]
    assert list(questions["__prompts__"]) == public
    choices: dict[str, tuple[Any, ...]] = {question: tuple(questions[question]) for question in ("broker", "ci")}
    choices |= {
        question: (questions[question], not questions[question]) for question in ("include_example", "include_workshop")
    }
    assert choices == CHOICES


@every_pair
def test_exact_set_of_files(bake: Bake, chosen: Answers, capfd: pytest.CaptureFixture[str]) -> None:
    project = bake(**chosen)
    assert project.files() == expected_files(chosen, project.package)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", [path for paths in BECAUSE_OF.values() for path in paths])
def test_what_an_answer_is_about_exists(path: str) -> None:
    assert (TEMPLATE / path.format(package=TEMPLATE.name)).exists()


@every_pair
def test_nothing_refers_to_what_is_excluded(bake: Bake, chosen: Answers) -> None:
    gone = {"include_example": r"\borders\b|\bdemo\b", "include_workshop": r"\bworkshop\b"}
    words = "|".join(words for question, words in gone.items() if not chosen[question])
    for path, text in texts(bake(**chosen)):
        assert not words or not re.search(words, text, re.IGNORECASE), path


@every_pair
def test_no_trace_of_jinja(bake: Bake, chosen: Answers) -> None:
    for path, text in texts(bake(**chosen)):
        assert "cookiecutter." not in text, path
        # Django's templates, a library, and Prometheus' own templates.
        others = path.endswith((".html", ".min.js")) or path.startswith("deploy/monitoring/")
        assert others or not BRACES.search(text), path


@every_pair
def test_every_file_is_valid(bake: Bake, chosen: Answers) -> None:
    for path, text in texts(bake(**chosen)):
        match Path(path).suffix:
            case ".py":
                compile(text, path, "exec")
            case ".toml":
                tomllib.loads(text)
            case ".json":
                json.loads(text)
            case ".yml" | ".yaml":
                assert list(yaml.safe_load_all(text)), path
        # Of the templates some stand within a line; a library's own file is as it was published.
        if text and not path.endswith((".html", ".min.js")):
            assert re.fullmatch(r"(.*\S)?\n", text, re.DOTALL), f"{path} does not end with one line break"
        assert not re.search(r"[ \t]$", text, re.MULTILINE), f"{path} has a line that ends with a blank"


def test_django_templates_are_copied_as_they_are(bake: Bake) -> None:
    project = bake()
    folder = f"{TEMPLATE.name}/{TEMPLATE.name}/orders/templates/orders"
    sources = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert sources
    for source in sources:
        baked = f"{project.package}/orders/templates/orders/{source.relative_to(ROOT / folder)}"
        assert project.read(baked) == source.read_text(encoding="utf-8")


def test_modes_are_kept(bake: Bake) -> None:
    project = bake()
    for path in template_files():
        source = ROOT / path
        if TEMPLATE in source.parents:
            baked = project.path / rendered_name(source.relative_to(TEMPLATE).as_posix(), project.package)
            if baked.exists():
                assert baked.stat().st_mode == source.stat().st_mode, path
    assert stat.S_IMODE((project.path / "bin/uv").stat().st_mode) & stat.S_IXUSR


def secrets_of(project: BakedProject) -> dict[str, str]:
    """Return what stands in `.env` at the place of each placeholder, by the placeholder's name."""
    pattern = re.sub(r"<random:(\w+)>", r"([A-Za-z0-9]{50})", re.escape(project.read(".env.example")))
    written = re.fullmatch(pattern, project.read(".env"))
    assert written, "`.env` is not `.env.example` with its placeholders replaced"
    found: dict[str, str] = {}
    for name, secret in zip(re.findall(r"<random:(\w+)>", project.read(".env.example")), written.groups(), strict=True):
        assert found.setdefault(name, secret) == secret, f"{name} has two values"
    return found


def test_env_holds_fresh_secrets_for_its_owner_only(bake: Bake) -> None:
    project, other = bake("one"), bake("other")
    assert stat.S_IMODE((project.path / ".env").stat().st_mode) == 0o600
    secrets = [*secrets_of(project).values(), *secrets_of(other).values()]
    assert secrets
    assert len(set(secrets)) == len(secrets)
    assert ".env" in project.read(".gitignore").splitlines()


def test_an_env_that_is_in_use_is_left_alone(bake: Bake, cookiecutter_command: Command) -> None:
    project = bake("work")
    before = project.read(".env")
    result = cookiecutter_command("--no-input", "--overwrite-if-exists", str(ROOT))
    assert result.returncode == 0
    assert project.read(".env") == before
    assert result.stderr.endswith("File exists: '.env'\n")


@pytest.mark.parametrize(
    "path", sorted(path for path in template_files() if path.startswith(TEMPLATE.name) and path.endswith(".py"))
)
def test_the_only_jinja_in_python_is_a_name(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"\{%|\{#", text)
    assert set(re.findall(r"\{\{.*?\}\}", text)) <= {"{{ cookiecutter.project_slug }}"}


@pytest.mark.parametrize(("example", "command"), [("yes", "make demo"), ("no", "make dev")])
def test_the_next_two_commands_are_printed(cookiecutter_command: Command, example: str, command: str) -> None:
    result = cookiecutter_command("--no-input", str(ROOT), f"include_example={example}")
    assert result.returncode == 0
    assert [line.strip() for line in result.stdout.splitlines()[-4:] if line.strip()] == ["cd corner_shop", command]
