"""Every lesson of the workshop shows its contrast; every exercise fails its check, and every solution passes."""

import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import TEMPLATE, BakedProject, bake_into, run

#: Read in the template, since each is a test of its own.
LESSONS = sorted(int(folder.name[-2:]) for folder in (TEMPLATE / "workshop/lessons").glob("lesson*"))

Play = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(baked_folder: Path, uv_on_path: dict[str, str]) -> BakedProject:
    """Return a project with the workshop, and its environment."""
    project = BakedProject(bake_into(baked_folder, lock=False, include_workshop=True))
    project.run("bin/uv", "sync", "--quiet", **uv_on_path)
    return project


@pytest.fixture(scope="module")
def play(project: BakedProject) -> Play:
    """Return what runs a command of the workshop."""

    def play(*command: object) -> subprocess.CompletedProcess[str]:
        return run(".venv/bin/python", "-m", "workshop", *map(str, command), cwd=project.path)

    return play


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_and_its_exercise(play: Play, capsys: pytest.CaptureFixture[str], number: int) -> None:
    """The lesson ends well only if the careless version came to harm and the careful one did not, under the same fault.

    Side by side with the checks of the exercise and of its solution, since all three mostly wait.
    """
    commands = [("lesson", number), ("check", number), ("check", number, "--solution")]
    with ThreadPoolExecutor() as pool:
        lesson, exercise, solution = pool.map(lambda command: play(*command), commands)
    with capsys.disabled():
        print(lesson.stdout)
    assert lesson.returncode == 0, said(lesson)
    assert exercise.returncode == 1, said(exercise)
    assert "Not yet: " in exercise.stdout
    assert solution.returncode == 0, said(solution)
    assert "It holds." in solution.stdout


def test_this_machine_will_do(project: BakedProject, uv_on_path: dict[str, str]) -> None:
    project.run("make", "workshop-ready", **uv_on_path)


def test_a_lesson_that_does_not_exist_is_refused(play: Play) -> None:
    done = play("check", 99)
    assert done.returncode == 2
    assert "invalid choice: 99" in done.stderr


def test_an_exercise_that_is_no_python_says_where(project: BakedProject, play: Play) -> None:
    number = LESSONS[0]
    exercise = project.path / f"workshop/exercises/lesson{number:02}.py"
    before = exercise.read_text(encoding="utf-8")
    exercise.write_text(before + "def\n", encoding="utf-8")
    done = play("check", number)
    exercise.write_text(before, encoding="utf-8")
    assert done.returncode == 2
    assert "The lesson could not be played" in done.stderr
    assert f'exercises/lesson{number:02}.py", line {len(before.splitlines()) + 1}' in done.stderr
    assert "SyntaxError" in done.stderr


def test_every_lesson_has_its_page_and_stands_in_the_list() -> None:
    pages = TEMPLATE / "docs/workshop"
    listed = (pages / "README.md").read_text(encoding="utf-8")
    for number in LESSONS:
        page = (pages / f"lesson{number:02}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# Lesson {number}: ")
        assert f"make lesson N={number}\n" in page
        assert f"make check-lesson N={number}\n" in page
        assert f"[{number}](lesson{number:02}.md)" in listed
    assert {path.name for path in pages.glob("lesson*.md")} == {f"lesson{number:02}.md" for number in LESSONS}


def test_the_twelve_lessons_cover_the_twenty_practices() -> None:
    """As the list in the workshop's README says."""
    listed = (TEMPLATE / "docs/workshop/README.md").read_text(encoding="utf-8")
    covered: set[int] = set()
    for cell in re.findall(r"^\| \[\d+\]\(lesson\d+\.md\)[^|]*\| ([^|]+) \|", listed, re.MULTILINE):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", cell):
            covered |= set(range(int(first), int(last or first) + 1))
    assert covered == set(range(1, 21))
    assert list(range(1, 13)) == LESSONS
