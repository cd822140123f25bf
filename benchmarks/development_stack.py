"""The memory (PSS) of what `make dev` runs, without the databases.

Run in a baked project: `python benchmarks/development_stack.py PROJECT_FOLDER`. Each process of its Procfile is started, on a
private Redis, and looked at when all have loaded what they need. Prints megabytes, each with all that came of it.
"""

import os
import re
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sides import memory, wait_until

#: What the log of each says when it is ready.
READY = {"web": "Quit the server", "beat": "beat: Starting", "flower": "Visit me at"}


def main(project: Path) -> None:
    """Start all, measure, and print."""
    os.chdir(project)
    sys.path.insert(0, str(project))
    # From the baked project, whose Python runs this.
    from sandbox.brokers import Redis, free_ports  # noqa: PLC0415
    from sandbox.project import Project  # noqa: PLC0415

    ports = dict(zip(("PORT", "FLOWER_PORT"), free_ports(2), strict=True))
    # Some start others, of this environment too.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with TemporaryDirectory() as folder, Redis() as redis, Project(Path(folder), redis.url, redis.url, PATH=path) as running:
        started = {}
        procfile = re.sub(r"\$\{(\w+):-\d+\}", lambda match: str(ports[match[1]]), Path("Procfile").read_text())
        for line in procfile.splitlines():
            name, _, command = line.partition(": ")
            words = shlex.split(command)
            # The sandbox calls Python itself.
            words = words[1:] if words[0] == "python" else ["-m", *words]
            started[name] = running.start(name, *words)
            log = running.log(name)
            wait_until(lambda name=name, log=log: READY.get(name, " ready.") in log.read_text(), 60)
        total = 0.0
        for name, process in started.items():
            total += (size := memory(process.pid))
            print(f"{name:<10}{size:>6.0f} MB")
        print(f"{'all':<10}{total:>6.0f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
