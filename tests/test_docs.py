"""The pages, ours and a project's: every link leads somewhere, and every `make` target that they name exists."""

import re
from pathlib import Path

import pytest

from conftest import ROOT, TEMPLATE, Bake

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]

LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
FENCE = re.compile(r"^```.+?^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"(?:^    |`)make ([a-z][a-z-]*)", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Return the links of a page, to files and headings, that lead nowhere."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = []
    for link in (first or second for first, second in LINK.findall(text)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def missing_targets(page: Path, makefile: Path) -> set[str]:
    """Return the `make` targets that a page names and a Makefile does not have."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile.read_text(encoding="utf-8"), re.MULTILINE))
    return set(MAKE.findall(page.read_text(encoding="utf-8"))) - targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_our_pages_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_our_pages_name_targets_that_exist() -> None:
    ours, of_a_project = ROOT / "Makefile", TEMPLATE / "Makefile"
    for page in PAGES:
        assert not missing_targets(page, ours) & missing_targets(page, of_a_project), page


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_the_pages_of_a_project(bake: Bake, answer: str) -> None:
    project = bake(include_example=answer, include_workshop=answer)
    pages = [*project.path.glob("*.md"), *project.path.glob("docs/**/*.md")]
    assert len(pages) >= 3
    for page in pages:
        assert broken(page) == [], page
        assert missing_targets(page, project.path / "Makefile") == set(), page


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n\n[a](gone.md) [b](page.md#here) [c](page.md#there)\n", encoding="utf-8")
    assert broken(page) == ["gone.md", "page.md#there"]
