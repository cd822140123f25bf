"""`docs/adopt.md`: what it says is done to a project fresh from `startproject`, and its proofs are run."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from compose.stack import wait_for
from pages import commands, write_files

from conftest import ROOT, BakedProject, bake_into

START, *PIECES = (
    section
    for section in re.split(r"^## ", (ROOT / "docs/adopt.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    if "```python" in section
)

#: Seconds in which a proof has to show what the page says; a worker notices a lost process within five.
SOON = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(baked_folder: Path, uv_on_path: dict[str, str]) -> BakedProject:
    """Return a project to copy from, with its environment."""
    project = BakedProject(bake_into(baked_folder, lock=False, project_slug="shop", include_example=False))
    project.run("bin/uv", "sync", "--quiet", **uv_on_path)
    return project


@pytest.fixture(scope="module")
def broker_url(project: BakedProject) -> Iterator[str]:
    """Return the address of a private Redis."""
    program = "from sandbox.brokers import Redis\nwith Redis() as redis:\n    print(redis.url, flush=True)\n    input()"
    redis = subprocess.Popen(
        [project.path / ".venv/bin/python", "-c", program],
        cwd=project.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert redis.stdout
    yield redis.stdout.readline().strip()
    redis.communicate("\n", timeout=SOON)


def copy(section: str, source: Path, folder: Path) -> None:
    """Copy what a section says: the whole folder, or files of it; and files of other folders under the names it gives."""
    (copied,) = re.findall(r"^Copy: (.+)$", section, re.MULTILINE)
    for name, other in re.findall(r"`([^`]+)`(?: as `(.+?)`)?", copied):
        if other:
            shutil.copy(source / name, folder / other)
        elif name == "tasking/":
            shutil.copytree(source / "shop/tasking", folder / "shop/tasking")
        else:
            (folder / "shop/tasking").mkdir(exist_ok=True)
            shutil.copy(source / "shop/tasking" / name, folder / "shop/tasking")


@pytest.mark.parametrize("section", PIECES, ids=lambda section: section.partition("\n")[0])
def test_a_piece_is_taken_along(project: BakedProject, broker_url: str, tmp_path: Path, section: str) -> None:
    binaries = project.path / ".venv/bin"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DJANGO_"))},
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "BROKER_URL": broker_url,
        "CELERY_BROKER_URL": broker_url,
        "REDIS_URL": broker_url,
    }
    environment.pop("PYTHONPATH", None)

    def run(command: str) -> str:
        done = subprocess.run(  # noqa: S602 - the commands of our own page, as a person types them
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    run("django-admin startproject shop .")
    copy(section, project.path, tmp_path)
    write_files(START, tmp_path)
    write_files(section, tmp_path)

    (expected,) = re.findall(r"^```text\n(.+?)^```", section, re.MULTILINE | re.DOTALL)
    *before, proof = commands(section)
    workers = []
    try:
        for command in before:
            if command.endswith(" &"):
                with (tmp_path / "worker.log").open("a") as log:
                    worker = subprocess.Popen(
                        command.removesuffix(" &").split(),
                        cwd=tmp_path,
                        env=environment,
                        start_new_session=True,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                workers.append(worker)
            else:
                print(run(command))
        if workers:
            wait_for("what the page says", lambda: expected in run(proof), SOON)
        assert expected in run(proof)
    finally:
        for worker in workers:
            # In good order: `worker all` has workers of its own to end.
            os.killpg(worker.pid, signal.SIGTERM)
            worker.wait(SOON)
        if workers:
            print((tmp_path / "worker.log").read_text(errors="replace"), file=sys.stderr)
