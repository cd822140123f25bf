"""Whatever deploys the workers knows every queue of the table: one that nobody consumes looks as if all were well."""

import re

import pytest
from django.test import override_settings

from {{ cookiecutter.project_slug }}.tasking.metrics.worker import address
from {{ cookiecutter.project_slug }}.tasking.queues import QUEUES

from sandbox.project import ROOT

#: A worker whom Prometheus asks, by its service or by its container, of which each queue may have several.
TARGET = r"worker-([\w-]+?)(?:-\d+)?:"

#: Files that name every queue again, and how. One that a project has no use for may be deleted.
PLACES = [
    ("README.md", r"^\| `([\w-]+)` \|"),
    ("Procfile", r"^[\w-]+: python manage\.py worker ([\w-]+) --reload$"),
    ("compose.yaml", r'^    command: \["python", "manage\.py", "worker", "([\w-]+)"\]$'),
    ("compose.yaml", r'^      test: \["CMD", "bin/healthy", "worker-([\w-]+)", "\d+"\]$'),
    ("compose.override.yaml", r'^    command: \["python", "manage\.py", "worker", "([\w-]+)", "--reload"\]$'),
    ("compose.production.yaml", r"^  worker-([\w-]+): \*worker$"),
    ("deploy/rabbitmq/definitions.json", r"[(|]([\w-]+)(?=[|)])"),
    ("deploy/monitoring/prometheus.yml", rf"{TARGET}\d+"),
]


@pytest.mark.parametrize(("name", "named"), [place for place in PLACES if (ROOT / place[0]).exists()])
def test_it_names_every_queue_of_the_table(name: str, named: str) -> None:
    found = re.findall(named, (ROOT / name).read_text(), re.MULTILINE)
    assert set(found) == set(QUEUES), f"name each queue of tasking/queues.py in {name}, as the others there"


def test_prometheus_asks_each_worker_at_its_own_port() -> None:
    (served,) = re.findall(r"METRICS_ADDRESS: (\S+)", (ROOT / "compose.yaml").read_text())
    targets = re.findall(rf"{TARGET}(\d+)", (ROOT / "deploy/monitoring/prometheus.yml").read_text())
    with override_settings(METRICS_ADDRESS=served):
        assert {queue: int(port) for queue, port in targets} == {queue: address(queue)[1] for queue in QUEUES}
