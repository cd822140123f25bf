"""Where a lesson is played: the project on a private Redis, with one version of the lesson's tasks."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT

from sandbox.brokers import Redis
from sandbox.project import Project

#: The Redis database that holds the ledger; broker and results use others.
LEDGER_DATABASE = 9

#: Seconds from a second worker's start after which what the first one held is lost: Redis gives its messages back
#: within nine, see `settings.py`.
TAKEN_OVER = 14

#: Seconds for what ought to take a few, on a laptop that does other things too.
SOON = 60


class Stage:
    """Workers to start and kill, and time to pass."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._workers = 0

    def start_workers(self, *queues: str) -> list[str]:
        """Start a worker for each queue, as users do, and return their names when all are ready."""
        names = []
        for queue in queues or (DEFAULT,):
            self._workers += 1
            names.append(f"{queue}-{self._workers}")
            self._project.start(names[-1], "manage.py", "worker", queue)
        for name in names:
            self._project.wait_for(f"{name} ready", lambda name=name: " ready." in self.log(name), SOON)  # type: ignore[misc]
        return names

    def kill(self, worker: str) -> float:
        """Kill a worker and its children, as the kernel does when memory runs out; return when."""
        self._project.stop(worker, signal.SIGKILL)
        return time.time()

    def log(self, worker: str) -> str:
        """Return what a worker printed."""
        return self._project.log(worker).read_text(errors="replace")

    def wait_for[T](self, what: str, probe: Callable[[], T], seconds: float = SOON) -> T:
        """Probe until the answer is true, and return it. Raises TimeoutError, or ProcessDiedError."""
        return self._project.wait_for(what, probe, seconds)

    def give_time(self, probe: Callable[[], object], seconds: float) -> None:
        """Wait until the answer is true, or the time is over: what is missing by then counts as lost."""
        try:
            self.wait_for("", probe, seconds)
        except TimeoutError:
            return


@contextmanager
def set_stage(tasks: str) -> Iterator[Stage]:
    """Yield a stage whose workers run the tasks of a module, and make this process one that can send them."""
    with TemporaryDirectory(prefix="lesson-", ignore_cleanup_errors=True) as folder, Redis() as redis:
        project = Project(
            Path(folder),
            redis.url,
            redis.url,
            DJANGO_SETTINGS_MODULE="workshop.settings",
            LESSON_TASKS=tasks,
            LEDGER_URL=redis.database_url(LEDGER_DATABASE),
            HEALTH_DIR=str(Path(folder) / "health"),
        )
        os.environ.update(project.environment)
        with project:
            import django  # noqa: PLC0415 - it reads the settings, which depend on the lesson

            django.setup()
            yield Stage(project)
            # What has been measured needs no orderly end.
            for name in list(project.processes):
                project.stop(name, signal.SIGKILL)
