"""`docs/checklist.md`: each practice has its four parts, and every name in them is that of something."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from .references import ROOT, BrokenReferenceError, anchors, broken_links, follow, names, texts

PACKAGE = ROOT / settings.PACKAGE
PAGE = (ROOT / "docs/checklist.md").read_text(encoding="utf-8")

PRACTICES = [
    "RabbitMQ or Redis is the broker, never the relational database",
    "Tasks take ids and plain values, never model objects",
    "A task never waits for a task",
    "Tasks are idempotent",
    "Tasks are atomic",
    "Tasks retry, once they are both",
    "Retries have a limit",
    "Retries back off exponentially, with jitter",
    "`autoretry_for` instead of boilerplate",
    "`retry_backoff` instead of boilerplate",
    "`acks_late` together with retry where it must not be lost",
    "A hard and a soft time limit on every task, and a graceful recovery at the soft one",
    "Several queues, routed, for throughput and scale",
    "One base task class",
    "Canvas for flow and concurrency",
    "Logs with task name and id, through `get_task_logger`",
    "Failures leave a stack trace and reach a human (Sentry)",
    "Flower",
    "`task_always_eager` in tests",
    "Further reading",
]
PARTS = ["Wired", "Enforced", "Proven", "Lesson"]

CHECK = r"tasking\.[EW]\d{3}"
RUFF = r"ruff [A-Z]+\d*"
FILE = r"[\w./-]+\.(?:py|toml)|Procfile|Makefile"


@cache
def sections() -> dict[str, dict[str, str]]:
    """Return the parts of each practice, by its heading with its number."""
    pieces = re.split(r"^## (\d+\. .+)\n", PAGE.partition("\n## What else")[0], flags=re.MULTILINE)[1:]
    return {
        heading: dict(re.findall(r"^- \*\*(\w+):\*\* (.+)$", text, re.MULTILINE))
        for heading, text in zip(pieces[::2], pieces[1::2], strict=True)
    }


@cache
def overview() -> dict[str, list[str]]:
    """Return the cells of the overview's rows, by the heading that each one names."""
    rows = re.findall(r"^\| \[(.+?)\]\(#[^|]+\) \|(.*)\|$", PAGE, re.MULTILINE)
    return {heading: [cell.strip() for cell in cells.split("|")] for heading, cells in rows}


@cache
def check_ids() -> frozenset[str]:
    """Return the ids of all checks, as they stand in the source."""
    return frozenset(found for text in texts(PACKAGE / "tasking") for found in re.findall(CHECK, text))


def code(text: str) -> list[str]:
    """Return what is set as code."""
    return re.findall(r"`([^`]+)`", text)


def file_name(reference: str) -> str:
    """Return the last part of a reference's path."""
    return reference.partition("::")[0].rpartition("/")[-1]


def references(part: str) -> list[tuple[str, str]]:
    """Return number and name of everything that this part of the practices names."""
    return [
        (heading.partition(".")[0], name) for heading, parts in sections().items() for name in code(parts.get(part, ""))
    ]


def test_all_practices_stand_there_in_their_order_with_all_parts() -> None:
    assert list(sections()) == [f"{number}. {practice}" for number, practice in enumerate(PRACTICES, 1)]
    for heading, parts in sections().items():
        assert [part for part in parts if part != "Example"] == PARTS, heading
        assert code(parts["Wired"]), heading
        assert code(parts["Enforced"]), heading
        assert code(parts["Proven"]), heading
        assert "](failure-modes.md#" in parts["Lesson"], heading


@pytest.mark.parametrize(("number", "name"), references("Wired"))
def test_where_a_practice_is_wired_is_there(number: str, name: str) -> None:
    assert re.fullmatch(rf"(?:{FILE})(?:::[\w.]+)?", name)
    follow(name, ROOT, PACKAGE)


@pytest.mark.parametrize(("number", "name"), references("Proven"))
def test_what_proves_a_practice_is_there(number: str, name: str) -> None:
    assert re.fullmatch(r"tests/[\w/]+\.py::test_\w+", name)
    follow(name, ROOT)


@pytest.mark.parametrize(("number", "name"), references("Enforced"))
def test_what_enforces_a_practice_is_there(number: str, name: str) -> None:
    if re.fullmatch(CHECK, name):
        assert name in check_ids()
    elif re.fullmatch(RUFF, name):
        rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
        assert name.removeprefix("ruff ") in rules["select"]
    else:
        follow(name, ROOT, PACKAGE)


def test_every_check_is_named_and_no_other() -> None:
    assert set(re.findall(CHECK, PAGE)) == check_ids()


def test_the_overview_says_what_the_sections_say() -> None:
    assert list(overview()) == list(sections())
    for heading, (wired, enforced, proven) in overview().items():
        parts = {part: code(text) for part, text in sections()[heading].items()}
        assert code(wired)[0] in map(file_name, parts["Wired"]), heading
        assert code(proven)[0] in map(file_name, parts["Proven"]), heading
        means = [re.sub(r"^(tasking\.|ruff )", "", name) for name in parts["Enforced"] if "::" not in name]
        assert enforced.replace("`", "").split() == [file_name(name) for name in means], heading


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


# --- That these tests can fail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        "tasking/tsk.py",
        "tasking/task.py::Tsk",
        "tasking/task.py::Task.acks_never",
        "tasking/task.py::acks_late",
        "tasking/task.py::Any",
        "config/settings/celery.py::CELERY_BROKER",
        "tests/unit/test_checklist.py::test_that_is_not_there",
        "tests/unit/test_checklist.py::reference",
    ],
)
def test_a_name_that_is_not_there_is_noticed(reference: str) -> None:
    with pytest.raises(BrokenReferenceError, match=re.escape(reference)):
        follow(reference, ROOT, PACKAGE)


def test_what_a_file_defines(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("""
import os
A = B = 1
C, (D, *E) = 1, (2, 3)
F: int = 1
if os.name:
    G = os.sep
else:
    H = os.x = 1
class I:
    J = 1
    k: int
    class L:
        def m(self): self.n = P = 1
async def o(): pass
""")
    assert names(source) == {"A", "B", "C", "D", "E", "F", "G", "H", "I", "I.J", "I.k", "I.L", "I.L.m", "o"}


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# There\n\n## 2. `a_b`, (c)\n")
    page.write_text("# Here\n[1](#here) [2](other.md#there) [3](other.md#2-a_b-c) [4](other.md) [5](https://x.org/y)\n")
    assert anchors(other.read_text()) == {"there", "2-a_b-c"}
    assert broken_links(page) == []
    page.write_text("[1](#here) [2](other.md#where) [3](another.md) [4](other.md#there)\n")
    assert broken_links(page) == ["#here", "other.md#where", "another.md"]
