"""The README: a newcomer who reads nothing else gets to a task of their own; its table is the checklist's."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from compose.stack import free_port, wait_for

from conftest import ROOT, TEMPLATE, Bake, run

README = (ROOT / "README.md").read_text(encoding="utf-8")

FENCED = re.compile(r"^```python\n# (\S+)\n(.+?)^```\n", re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    return README.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_the_table_says_what_the_checklist_says() -> None:
    row = re.compile(r"^\| \[?(\d+)\. .+?\| \[?`(.+?)`.*? \| (.+?) \| \[?`(.+?)`", re.MULTILINE)
    checklist = (TEMPLATE / "docs/checklist.md").read_text(encoding="utf-8")
    ours = row.findall(section("What you get"))
    assert len(ours) == 20
    assert ours == row.findall(checklist)


@pytest.mark.slow
def test_from_nothing_to_a_task_of_ones_own(bake: Bake, uv_on_path: dict[str, str], tmp_path: Path) -> None:
    """As the page says, command by command, after the bake; the ports alone are others."""
    text = section("From nothing to a task of your own")
    first, second = (FENCED.sub("", part) for part in text.split("\n    make dev\n"))
    assert "cd corner_shop" in first
    project = bake()
    environment = {**os.environ, **uv_on_path, "PORT": str(free_port()), "FLOWER_PORT": str(free_port())}
    log = tmp_path / "dev.log"

    def printed() -> str:
        return log.read_text(errors="replace")

    def starts() -> int:
        return len(re.findall(r"^.*default\.1 .* ready\.$", printed(), re.MULTILINE))

    with log.open("w") as output:
        dev = subprocess.Popen(
            ["make", "dev"], cwd=project.path, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for("a worker", starts)
        # Not there where the broker of .env answers.
        joined = re.search(r"export CELERY_BROKER_URL=(\S+) REDIS_URL=(\S+)", printed())
        urls = {"CELERY_BROKER_URL": joined[1], "REDIS_URL": joined[2]} if joined else {}
        commands = re.findall(r"^    (\S.*)$", second, re.MULTILINE)
        for command in commands:
            if "tasks --lock" in command:
                before = starts()
                for name, code in FENCED.findall(text):
                    (project.path / name).write_text(code, encoding="utf-8")
            if "greet.delay" in command:
                wait_for("the worker to reload", lambda before=before: starts() > before)
            done = run("bash", "-c", command, cwd=project.path, **uv_on_path, **urls)
            assert done.returncode == 0, done.stdout + done.stderr
        assert "greet" in done.stdout
        assert "default" in done.stdout
        assert re.search(r"^greet Ada +every 1 h ", done.stdout, re.MULTILINE)
        wait_for("the greeting", lambda: "hello, Ada" in printed())
    finally:
        os.killpg(dev.pid, signal.SIGINT)
        dev.wait(timeout=60)
        print(printed())
