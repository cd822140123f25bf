"""The pages, ours and a project's: every link leads somewhere, every `make` target exists, a test runs every command."""

import re
from pathlib import Path

import pytest
from pages import FENCE

from conftest import ROOT, TEMPLATE, Bake

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]

#: What is indented or between backticks and is for a shell, without the variables before and the comment behind it.
PROGRAMS = (
    r"make(?! that)|manage\.py|bin/uv|bin/healthy(?= )|uvx|docker compose(?= -)|python(?= )|celery(?= -)|rm|mkdir|touch|cat"
    r"|echo|kill(?= -)|cruft|\.ci/run"
)
COMMAND = re.compile(
    rf"(?:^    |`)(?:[A-Z_]+=\S+ (?:\\\n +)?)*((?:{PROGRAMS})\b[^`\n]*?)(?=`|\s+#|   +|\s*\\?$)",
    re.MULTILINE,
)

DURABILITY = f"{TEMPLATE.name}/tests/durability"

#: Which test runs what a page tells its reader to run.
RUN_BY = {
    "tests/test_lint.py::test_all_answers": r"make|make \.env|make lint",
    "tests/test_projects.py::test_its_own_tests": r"make (test|test-unit|test-durability)",
    "tests/test_readme.py::test_the_demo": r"make demo( KEEP=0)?",
    "tests/test_readme.py::test_from_nothing_to_a_task_of_ones_own": r"(mkdir|touch) \w+/hello.*|bin/uv run .*greet.*",
    "tests/test_readme.py::test_day_two": (
        r"make dev|(mkdir|touch) \w+/invoices.*|bin/uv run (?!.*greet).*|kill .*"
        r"|manage.py (check(?! --deploy)|doctor|health|outbox|dead_letters|tasks|worker bulk|migrate orders zero).*"
    ),
    "tests/test_readme.py::test_a_package_is_upgraded": r"bin/uv lock",
    "tests/test_readme.py::test_the_example_is_removed": r"rm -r .*",
    "tests/test_adopt.py::test_a_piece_is_taken_along": r"(python manage.py|celery -A|cat|echo) .*",
    "tests/test_tools.py::test_gh": r"uvx cookiecutter .*gh:.*",
    "tests/test_tools.py::test_a_local_path_and_its_replay_give_the_same_project": r"uvx cookiecutter (?!.*gh:).*",
    "tests/test_tools.py::test_cruft_updates_a_project_that_its_owner_has_changed": r"uvx cruft .*|cruft update",
    "tests/workshop/test_lessons.py::test_a_lesson_and_its_exercise": r"make (check-)?lesson N=\d+",
    "tests/workshop/test_lessons.py::test_this_machine_will_do": r"make workshop-ready",
    "tests/compose/test_development.py::test_the_doctor_finds_nothing": r"make (up|smoke)",
    "tests/compose/test_development.py::test_a_terminal_in_a_container": r"make (logs|shell|psql)",
    "tests/compose/test_development.py::test_prometheus_sees_every_worker_and_all_that_the_dashboard_shows": (
        r"docker compose --profile monitoring up .*"
    ),
    "tests/compose/test_development.py::test_down_lets_the_workers_end": r"make down",
    "tests/compose/test_production.py::test_a_queue_gets_a_second_worker": r"docker compose .*--scale.*",
    "tests/compose/test_production.py::test_only_the_proxy_is_reachable": r"docker compose .* up --build .*",
    f"{TEMPLATE.name}/tests/unit/test_settings.py::test_production_passes_the_deployment_check": r"manage.py check --deploy",
    f"{DURABILITY}/orders/test_import.py::test_a_file_becomes_a_report": r"manage.py worker all",
    f"{DURABILITY}/test_metrics.py::test_what_waits_is_told": r"manage.py metrics",
    f"{DURABILITY}/test_health.py::test_a_busy_worker_is_healthy_and_a_stuck_one_is_not": r"bin/healthy .*",
}
#: What no test runs: it would run itself, takes a quarter of an hour, makes pictures or figures for a person, asks a service.
RUN_BY_HAND = r"make test-all|\.ci/run|make test-protections|make screenshots|make audit|make bench.*|make plots"

LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
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


def test_every_command_of_a_page_is_run_by_a_test(bake: Bake) -> None:
    project = bake(include_workshop="yes")
    pages = [*PAGES, *project.path.glob("*.md"), *project.path.glob("docs/**/*.md")]
    named = {command for page in pages for command in COMMAND.findall(page.read_text(encoding="utf-8"))}
    for test, pattern in RUN_BY.items():
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), test
        run = {command for command in named if re.fullmatch(pattern, command)}
        assert run, f"no page says {pattern}"
        named -= run
    assert {command for command in named if not re.fullmatch(RUN_BY_HAND, command)} == set(), "name the tests in RUN_BY"


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
