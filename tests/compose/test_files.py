"""The files, before anything runs: they keep out what is known to hurt, and follow the project's own tables."""

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from answers import PAIRWISE, label
from conftest import Bake, BakedProject

COMPOSE_FILES = ("compose.yaml", "compose.override.yaml", "compose.production.yaml")
every_pair = pytest.mark.parametrize("chosen", PAIRWISE, ids=label)


def services(project: BakedProject, *files: str) -> dict[str, Any]:
    """Return the services as docker compose would merge them, as far as keys go."""
    merged: dict[str, Any] = {}
    for file in files:
        for name, service in yaml.safe_load(project.read(file))["services"].items():
            merged.setdefault(name, {}).update(service)
    return merged


def constants(path: Path) -> dict[str, Any]:
    """Return the numbers and texts that a module gives names to."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                try:
                    found[name] = ast.literal_eval(value)
                except ValueError:
                    continue
    return found


@pytest.fixture
def project(bake: Bake) -> BakedProject:
    return bake()


@every_pair
def test_what_is_known_to_hurt_is_kept_out(bake: Bake, chosen: dict[str, Any]) -> None:
    project = bake(**chosen)
    for file in (*COMPOSE_FILES, "Dockerfile"):
        text = "\n".join(line.partition(" #")[0] for line in project.read(file).splitlines() if not line.startswith("#"))
        for bad in (r"^version:", "container_name", r"\blinks:", ":latest", "wait-for", r"\bsleep\b", "guest", "inspect ping"):
            assert not re.search(bad, text, re.MULTILINE), f"{file}: {bad}"


@every_pair
def test_every_image_is_of_a_known_release(bake: Bake, chosen: dict[str, Any]) -> None:
    project = bake(**chosen)
    images = re.findall(
        r"^\s+image: (?!\$)(\S+)|^FROM (\S+)", "\n".join(map(project.read, (*COMPOSE_FILES, "Dockerfile"))), re.MULTILINE
    )
    foreign = [image or base for image, base in images if ":" in (image or base) and "development" not in image]
    assert foreign
    for image in foreign:
        assert re.search(r":v?\d+(\.\d+)*(-[\w-]+)?$", image), image


@every_pair
def test_every_service_says_when_it_is_healthy(bake: Bake, chosen: dict[str, Any]) -> None:
    for name, service in services(bake(**chosen), "compose.yaml", "compose.production.yaml").items():
        assert ("healthcheck" in service) == (name != "migrate"), name


@every_pair
def test_a_worker_for_each_queue_with_the_time_that_it_needs(bake: Bake, chosen: dict[str, Any]) -> None:
    project = bake(**chosen)
    table = constants(project.path / project.package / "tasking/queues.py")
    queues = [table["CRITICAL"], table["DEFAULT"], table["BULK"]]
    assert set(
        re.findall(r"^        ([A-Z]+): QueuePolicy\(", project.read(f"{project.package}/tasking/queues.py"), re.MULTILINE)
    ) == {
        "CRITICAL",
        "DEFAULT",
        "BULK",
    }
    workers = {name: service for name, service in services(project, "compose.yaml").items() if name.startswith("worker-")}
    assert list(workers) == [f"worker-{queue}" for queue in queues]
    for queue in queues:
        worker = workers[f"worker-{queue}"]
        assert worker["command"] == ["python", "manage.py", "worker", queue]
        assert worker["healthcheck"]["test"] == ["CMD", "bin/healthy", f"worker-{queue}", "60"]
        assert worker["stop_grace_period"] == f"{table['STOP_GRACE_PERIOD']}s"


def test_the_policies_of_rabbitmq_are_those_of_the_table(project: BakedProject) -> None:
    table = constants(project.path / project.package / "tasking/queues.py")
    limits = constants(project.path / project.package / "tasking/checks/limits.py")
    definitions = json.loads(project.read("deploy/rabbitmq/definitions.json"))
    (policy,) = definitions["policies"]
    assert policy["pattern"] == f"^({table['CRITICAL']}|{table['DEFAULT']}|{table['BULK']})$"
    assert policy["definition"] == {
        "delivery-limit": table["DELIVERY_LIMIT"],
        "dead-letter-exchange": project.package,
        "dead-letter-routing-key": table["DEAD_LETTER"],
    }
    assert {definitions["vhosts"][0]["name"], policy["vhost"], definitions["permissions"][0]["vhost"]} == {project.package}
    assert f"consumer_timeout = {limits['CONSUMER_TIMEOUT'] * 1000}\n" in project.read("deploy/rabbitmq/rabbitmq.conf")


@every_pair
def test_prometheus_asks_every_worker_at_its_port(bake: Bake, chosen: dict[str, Any]) -> None:
    project = bake(**chosen)
    table = constants(project.path / project.package / "tasking/queues.py")
    merged = services(project, "compose.yaml")
    port = int(merged["worker-critical"]["environment"]["METRICS_ADDRESS"].rpartition(":")[2])
    jobs = yaml.safe_load(project.read("deploy/monitoring/prometheus.yml"))["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    queues = [table["CRITICAL"], table["DEFAULT"], table["BULK"]]
    assert targets["workers"] == [f"worker-{queue}:{port + place}" for place, queue in enumerate(queues)]
    assert targets["system"] == ["metrics:9799"]


@pytest.mark.usefixtures("docker")
def test_promtool_has_nothing_to_say(project: BakedProject) -> None:
    image = services(project, "compose.yaml")["prometheus"]["image"]
    folder = f"{project.path}/deploy/monitoring:/etc/prometheus:ro"
    promtool = ["docker", "run", "--rm", "--network=none", f"--volume={folder}", "--entrypoint=promtool", image]
    printed = project.run(*promtool, "check", "config", "/etc/prometheus/prometheus.yml")
    assert "9 rules found" in printed


def test_redis_forgets_nothing(project: BakedProject) -> None:
    lines = [line for line in project.read("deploy/redis/redis.conf").splitlines() if line and not line.startswith("#")]
    configuration = dict(line.split(" ", 1) for line in lines)
    assert configuration["appendonly"] == "yes"
    assert configuration["appendfsync"] == "always"
    assert configuration["maxmemory-policy"] == "noeviction"


def test_production_is_hardened(project: BakedProject) -> None:
    for name, service in services(project, "compose.production.yaml").items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert "mem_limit" in service, name
        assert ("ports" in service) == (name == "proxy"), name


def test_development_is_for_this_machine_alone(project: BakedProject) -> None:
    for name, service in services(project, "compose.yaml", "compose.override.yaml").items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:${"), name


def test_the_dockerfile_is_clean(project: BakedProject) -> None:
    done = subprocess.run(["hadolint", "Dockerfile"], cwd=project.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
@pytest.mark.parametrize(
    "files", [(), ("compose.yaml",), ("compose.yaml", "compose.production.yaml")], ids=["both", "base", "production"]
)
@pytest.mark.usefixtures("docker")
def test_docker_compose_understands_them(bake: Bake, broker: str, files: tuple[str, ...]) -> None:
    project = bake(broker=broker)
    flags = [flag for file in files for flag in ("--file", file)]
    project.run("docker", "compose", *flags, "config", "--quiet", DOMAIN="localhost", EMAIL_URL="consolemail://")


@pytest.mark.parametrize("missing", ["DOMAIN", "EMAIL_URL", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "REDIS_PASSWORD"])
@pytest.mark.usefixtures("docker")
def test_what_has_no_safe_default_is_asked_for(project: BakedProject, missing: str) -> None:
    lines = project.read(".env").splitlines(keepends=True)
    (project.path / ".env").write_text("".join(line for line in lines if not line.startswith(f"{missing}=")))
    given = {"DOMAIN": "localhost", "EMAIL_URL": "consolemail://"}
    given.pop(missing, None)
    command = ["docker", "compose", "-f", "compose.yaml", "-f", "compose.production.yaml", "config", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if name != missing} | given
    done = subprocess.run(command, cwd=project.path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"required variable {missing} is missing a value" in done.stderr
