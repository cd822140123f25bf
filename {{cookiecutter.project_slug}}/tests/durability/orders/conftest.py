"""The example's site and its workers, on a real broker."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.brokers import Redis, Server, free_ports
from sandbox.project import Project, Site

#: Seconds within which an import of a test is finished, retries included.
DEADLINE = 90

Start = Callable[..., AbstractContextManager[tuple[Project, Site]]]


@pytest.fixture
def start(broker: Server, redis_server: Redis, tmp_path: Path) -> Start:
    """Return a function that starts web and workers, with more of an environment where asked, and stops them."""

    @contextmanager
    def start(**environment: str) -> Iterator[tuple[Project, Site]]:
        with Project(tmp_path, broker.url, redis_server.url, **environment) as project:
            (port,) = free_ports(1)
            project.start("web", "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
            project.start("workers", "manage.py", "worker", "all")
            site = Site(f"http://127.0.0.1:{port}")
            project.wait_for("the web server", site.is_up)
            yield project, site

    return start


def finished(project: Project, site: Site, page: str) -> Any:
    """Wait until nothing runs on an import any more, and return its status."""

    def status() -> Any:
        state = json.loads(site.get(f"{page.rstrip('/')}.json"))
        return state if not state["running"] else None

    return project.wait_for("the import", status, DEADLINE)
