"""Serves a baked project: run in its folder by its own Python; prints the site's address, and ends when its input does."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path.cwd()))

from sandbox.brokers import Redis, free_ports
from sandbox.project import Project, Site

QUEUES = ("critical", "default", "bulk")


def main() -> None:
    with TemporaryDirectory(prefix="browser-") as folder, Redis() as redis:
        port, flower = free_ports(2)
        url = f"http://127.0.0.1:{port}"
        variables = {
            # A poisoned chunk is given up after three runs, not nine.
            "DJANGO_SETTINGS_MODULE": "tests.durability.orders.brief",
            "FLOWER_URL": f"http://127.0.0.1:{flower}",
            "DJANGO_SUPERUSER_PASSWORD": "browser",
        }
        with Project(Path(folder), redis.url, redis.url, **variables) as project:
            project.manage("createsuperuser", "--noinput", "--username=admin", "--email=admin@example.com")
            project.start("web", "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
            for queue in QUEUES:
                project.start(queue, "manage.py", "worker", queue)
            project.wait_for("the web server", Site(url).is_up)
            print(url, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
