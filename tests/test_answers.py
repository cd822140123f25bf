"""Answers from which no project can be made are each named in one line; all others arrive as they were given."""

import keyword
import re
import sys
import tomllib
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from cookiecutter.exceptions import FailedHookException

from conftest import ROOT, Bake, BakedProject, Command, MistakesInSlug

Refused = Callable[..., list[str]]

NOT_A_NAME = "must be lower-case letters, digits and underscores, starting with a letter"

BAD_SLUGS = {
    NOT_A_NAME: (
        *("my-shop", "my shop", "3d", "_shop", "Shop", "café", "가게", "🦄", "", "a\nb"),
        *("a/b", "../a", "..", "a.b", "a;b", "a'b", 'a"b', "a\\b", "$(rm)"),
    ),
    "is 31 characters long, 30 are the most": ("a" * 31,),
    "is 300 characters long, 30 are the most": ("a" * 300,),
    "is a Python keyword": ("class", "match", "type", "case", "async"),
    "would hide a module of Python's standard library": ("json", "email", "logging", "queue", "site", "types"),
    "would hide a package that the project needs": ("celery", "django", "redis", "kombu", "flower", "pytest"),
    "is the name of another part of the project": ("config", "test", "tests", "sandbox", "docs", "workshop", "deploy"),
}

HOSTILE = (
    """it's "quoted" `so` and '''so''' and \"\"\"so\"\"\"""",
    "back\\slash \\n \\u0041 \\",
    "two\nlines\r\nand\ta tab ",
    "{braces} }} %} #}",
    "$(rm -rf .) ${HOME} & ; | > < * ? ~ ! #",
    "</script><b>&amp;",
    "key: value, - item # no comment",
    "구멍가게",
    "🦄 👩‍👩‍👧‍👦",
    "-",
)


@pytest.fixture
def refused(bake: Bake, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Refused:
    """Return a function that returns the lines with which the answers were refused, and sees to it that nothing was left."""

    def lines(**answers: Any) -> list[str]:  # noqa: ANN401 - what is no text must be refused too
        with pytest.raises(FailedHookException):
            bake(**answers)
        assert list((tmp_path / "baked").iterdir()) == []
        return capfd.readouterr().err.splitlines()

    return lines


@pytest.mark.parametrize(("slug", "mistake"), [(slug, mistake) for mistake, slugs in BAD_SLUGS.items() for slug in slugs])
def test_a_slug_that_is_no_package_name_is_refused(refused: Refused, slug: str, mistake: str) -> None:
    assert refused(project_slug=slug) == [f"project_slug: {slug!r} {mistake}"]


def test_no_keyword_or_module_of_python_passes(mistakes_in_slug: MistakesInSlug) -> None:
    names = {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
    assert [name for name in sorted(names) if not mistakes_in_slug(name)] == []


@pytest.mark.parametrize(
    "email",
    [
        "",
        "nobody",
        "@example.com",
        "me@",
        "me@host",
        "a@b@c.org",
        "a b@c.org",
        "'a'@c.org",
        "a@c..org",
        "a\n@c.org",
        "${A}@c.org",
    ],
)
def test_an_email_that_is_none_is_refused(refused: Refused, email: str) -> None:
    assert refused(author_email=email) == [f"author_email: {email!r} is no e-mail address"]


@pytest.mark.parametrize("email", ["root@localhost", "first.last+tag@mail.example.co.uk", "김@예시.한국"])
def test_an_email_is_taken(bake: Bake, email: str) -> None:
    assert tomllib.loads(bake(author_email=email).read("pyproject.toml"))["project"]["authors"][0]["email"] == email


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_an_empty_name_is_refused(refused: Refused, name: str) -> None:
    assert refused(project_name=name) == ["project_name: it is empty"]


@pytest.mark.parametrize("question", ["project_name", "description", "author_name"])
@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x9b", "\udc80", "\uffff"])
def test_a_control_character_is_refused(refused: Refused, question: str, character: str) -> None:
    answer = {question: f"a{character}b"}
    assert refused(**answer) == [f"{question}: it holds the control character U+{ord(character):04X}"]


def test_a_workshop_without_the_example_is_refused(refused: Refused) -> None:
    lines = refused(include_example=False, include_workshop=True)
    assert lines == ["include_workshop: the workshop takes the example apart, so it needs include_example"]


@pytest.mark.parametrize(("no", "workshop"), [("no", "yes"), ("false", "true"), ("0", "1"), ("off", "on"), (False, "y")])
def test_a_boolean_may_be_a_word(refused: Refused, no: object, workshop: object) -> None:
    lines = refused(include_example=no, include_workshop=workshop)
    assert lines == ["include_workshop: the workshop takes the example apart, so it needs include_example"]


def test_what_is_no_boolean_is_refused(refused: Refused) -> None:
    assert refused(include_example=0) == ["include_example: '0' is neither true nor false"]


def test_all_mistakes_are_named_at_once(refused: Refused) -> None:
    lines = refused(
        project_name=" ",
        project_slug="json",
        author_email="me",
        include_example=False,
        include_workshop=True,
    )
    assert [line.partition(":")[0] for line in lines] == ["project_name", "project_slug", "author_email", "include_workshop"]


def test_a_refusal_ends_the_command_with_1_and_its_lines_alone_on_stderr(cookiecutter_command: Command, tmp_path: Path) -> None:
    result = cookiecutter_command("--no-input", str(ROOT), "project_slug=a/b")
    assert result.returncode == 1
    assert result.stderr == f"project_slug: 'a/b' {NOT_A_NAME}\n"
    assert list((tmp_path / "work").iterdir()) == []


def as_it_reads(markdown: str) -> str:
    return re.sub(r"\\([\\<])", r"\1", markdown)


def assert_arrived(project: BakedProject, name: str, description: str, author: str) -> None:
    """White space counts as one blank; apart from that, each answer stands where it belongs, character for character."""
    name, description, author = (" ".join(answer.split()) for answer in (name, description, author))
    metadata = tomllib.loads(project.read("pyproject.toml"))["project"]
    assert metadata["description"] == description
    assert metadata["authors"][0]["name"] == author
    readme = project.read("README.md").splitlines()
    assert readme[0].startswith("# ")
    assert as_it_reads(readme[0].removeprefix("# ")) == name
    assert description in map(as_it_reads, readme)
    html = project.read(f"{project.package}/orders/templates/project_name.html").strip()
    assert unescape(html) == name
    assert not set(html) & set("<>{}\"'")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_answer_arrives_as_it_is(bake: Bake, text: str) -> None:
    project = bake(project_name=text, project_slug="shop", description=text, author_name=text)
    assert_arrived(project, text, text, text)
    for path in project.files():
        if path.endswith((".yml", ".yaml")):
            assert list(yaml.safe_load_all(project.read(path))), path
        elif path.endswith(".py"):
            compile(project.read(path), path, "exec")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Café & Bücher", "cafe_bucher"),
        ("구멍가게", "gumeonggage"),
        ("🦄", "my_project"),
        ("word " * 20, "word_word_word_word_word_word"),
    ],
)
def test_a_slug_is_made_of_any_name(bake: Bake, name: str, slug: str) -> None:
    assert bake(project_name=name).package == slug


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% if x %}", "{# none #}", "{{ cookiecutter.oops }}", "{{"])
def test_what_is_typed_is_never_run_as_jinja(cookiecutter_command: Command, tmp_path: Path, text: str) -> None:
    """Also that the questions are asked in the order of the README. The last four are answered with Enter."""
    typed = [text, "shop", text, text, "me@example.com", "", "", "", ""]
    result = cookiecutter_command(str(ROOT), stdin="".join(f"{answer}\n" for answer in typed))
    assert result.returncode == 0, result.stdout + result.stderr
    assert_arrived(BakedProject(tmp_path / "work/shop"), text, text, text)
