"""Do what a page says: its commands in order, its files under the names that they begin with."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.stack import free_ports, wait_for

from conftest import BakedProject

FENCE = re.compile(r"^```.+?^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```python\n# (\S+?)(, added)?\n(.+?)^```", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r"^```python\n(?!# )(.+?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^    (\S.*(?:\\\n.*)*)$", re.MULTILINE)


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, up to the next of its level."""
    level = heading.partition(" ")[0]
    _, found, rest = page.partition(f"\n{heading}\n")
    assert found, f"no {heading!r}"
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def commands(text: str) -> list[str]:
    """Return the commands of a text, with their comments: what is indented and in no fence."""
    return COMMAND.findall(FENCE.sub("", text))


def snippets(text: str) -> list[str]:
    """Return the code of a text that belongs into no file of its own."""
    return SNIPPET.findall(text)


def write_files(text: str, folder: Path) -> None:
    """Write the files of a text as it says: anew, or at the end of what is there."""
    for name, added, code in FENCED.findall(text):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        before = file.read_text(encoding="utf-8") if added else ""
        file.write_text(before + code, encoding="utf-8")


@dataclass(frozen=True)
class Dev:
    """A project under `make dev`, and a second terminal beside it."""

    project: BakedProject
    log: Path
    variables: dict[str, str]

    def printed(self) -> str:
        """Return all that the first terminal shows."""
        return self.log.read_text(errors="replace")

    def starts(self, queue: str = "default") -> int:
        """Return how often the worker of a queue has become ready."""
        return len(re.findall(rf"^.*{queue}\.1 .* ready\.$", self.printed(), re.MULTILINE))

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Wait afterwards until the worker has taken up what was changed meanwhile."""
        starts = self.starts()
        yield
        wait_for("the worker to reload", lambda: self.starts() > starts)

    def run(self, command: str) -> str:
        """Run a command of a page in the second terminal and return what it printed."""
        return self.project.run("bash", "-c", command, **self.variables)


@contextmanager
def dev(project: BakedProject, folder: Path, variables: dict[str, str]) -> Iterator[Dev]:
    """Have `make dev` run; the ports alone are others than on the page. Whatever it said is printed at the end."""
    log = folder / "dev.log"
    port, flower = free_ports(2)
    environment = {**os.environ, **variables, "PORT": port, "FLOWER_PORT": flower}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "dev"], cwd=project.path, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for("a worker", Dev(project, log, {}).starts)
        # Not there where the broker of .env answers.
        joined = re.search(r"export CELERY_BROKER_URL=(\S+) REDIS_URL=(\S+)", log.read_text())
        urls = {"CELERY_BROKER_URL": joined[1], "REDIS_URL": joined[2]} if joined else {}
        yield Dev(project, log, variables | urls)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
        print(log.read_text(errors="replace"))
