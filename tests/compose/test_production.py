"""The production files on a real engine: nothing but the proxy is reachable, and nothing is lost whatever dies."""

import json
import secrets
import ssl
import subprocess
from collections.abc import Iterator

import httpx
import pytest
from pages import commands, section

from .stack import OURS, Stack, imported, log_in, post, status, visitor, wait_for

pytestmark = pytest.mark.slow

ROWS = 20_000
FLOWER = (
    "",
    "tasks",
    "workers",
    "broker",
    "metrics",
    "healthcheck",
    "api/workers",
    "api/tasks",
    "api/task/types",
    "static/css/flower.css",
)


def url(stack: Stack) -> str:
    return f"https://localhost:{stack.variables['PROXY_PORT']}"


@pytest.fixture(scope="module")
def trust(production: Stack) -> ssl.SSLContext:
    """Trust the authority that the proxy made for itself."""
    root = production.execute("proxy", "cat", "/data/caddy/pki/authorities/local/root.crt")
    return ssl.create_default_context(cadata=root)


@pytest.fixture(scope="module")
def client(production: Stack, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    """Log a person in."""
    password = secrets.token_urlsafe()
    production.compose(
        *("exec", "-T", "-e", f"DJANGO_SUPERUSER_PASSWORD={password}", "web"),
        *("python", "manage.py", "createsuperuser", "--no-input", "--username=owner", "--email=owner@example.com"),
    )
    with visitor(url(production), trust) as client:
        log_in(client, "owner", password)
        yield client


def test_only_the_proxy_is_reachable(production: Stack) -> None:
    published = {
        name: sorted(port for port, bindings in container["NetworkSettings"]["Ports"].items() if bindings)
        for name, container in production.containers().items()
    }
    assert {name: ports for name, ports in published.items() if ports} == {"proxy": ["8443/tcp"]}


def test_nothing_can_be_written_and_nobody_has_privileges(production: Stack) -> None:
    for name, container in production.containers().items():
        if name == "mail":
            continue
        assert container["HostConfig"]["ReadonlyRootfs"], name
        assert container["HostConfig"]["CapDrop"] == ["ALL"], name
        assert not container["HostConfig"]["Privileged"], name
    for service in OURS[1:]:
        assert production.execute(service, "id", "-u").strip() == "10001"
        assert "Read-only" in production.execute(service, "sh", "-c", "touch /app/x 2>&1", check=False)


def test_the_image_holds_no_secret(production: Stack) -> None:
    image = production.containers()["web"]["Image"]
    history = subprocess.run(["docker", "history", "--no-trunc", image], capture_output=True, text=True, check=True).stdout
    lines = (line.partition("=") for line in (production.folder / ".env").read_text().splitlines())
    values = [value for name, _, value in lines if name.endswith(("PASSWORD", "KEY")) and value]
    assert values
    assert not [value for value in values if value in history]
    found = production.execute("web", "sh", "-c", "find / -xdev -name '.env*' -not -path '/proc/*' 2>/dev/null", check=False)
    assert found == ""


def test_the_settings_are_fit_for_production(production: Stack) -> None:
    """`migrate` began with `check --deploy --fail-level WARNING`."""
    assert production.containers()["migrate"]["State"]["ExitCode"] == 0
    assert "System check identified no issues" in production.compose("logs", "--no-color", "migrate")


def test_a_stranger_sees_the_login(production: Stack, trust: ssl.SSLContext) -> None:
    with visitor(url(production), trust) as stranger:
        assert stranger.get("/health/").text == "ok\n"
        answer = stranger.get("/")
        assert answer.url.path == "/admin/login/"
        assert answer.headers["Strict-Transport-Security"]
        # Nothing is announced at a port that nobody outside knows.
        assert "Alt-Svc" not in answer.headers


def test_flower_wants_its_login_for_each_path(production: Stack, trust: ssl.SSLContext) -> None:
    line = next(line for line in (production.folder / ".env").read_text().splitlines() if line.startswith("FLOWER_BASIC_AUTH="))
    user, password = line.partition("=")[2].split(":")
    with visitor(url(production), trust) as stranger:
        for path in FLOWER:
            page = f"/flower/{path}"
            assert stranger.get(page).status_code == httpx.codes.UNAUTHORIZED, path
            assert stranger.get(page, auth=(user, "wrong")).status_code == httpx.codes.UNAUTHORIZED, path
            assert stranger.get(page, auth=(user, password)).status_code == httpx.codes.OK, path


@pytest.mark.parametrize("victim", [*OURS[2:6], "rabbitmq", "redis", "postgres"])
def test_an_import_survives(production: Stack, client: httpx.Client, victim: str) -> None:
    page = post(client, "/", "/imports/sample/", rows=ROWS).url.path
    wait_for("some rows", lambda: status(client, page).get("imported", 0) > 0)
    production.crash(victim)
    state = imported(client, page, seconds=240)
    assert (state["state"], state["imported"] + state["refused"]) == ("finished", ROWS)
    rows = f"OrderLine.objects.filter(import_file={state['id']}).count()"
    code = f"from {production.folder.name}.orders.models import OrderLine; print({rows})"
    lines = production.execute("web", "python", "manage.py", "shell", "--no-imports", "--command", code)
    assert int(lines.splitlines()[-1]) == state["imported"]


def test_the_summary_is_mailed(production: Stack, client: httpx.Client) -> None:
    page = post(client, "/", "/imports/sample/", rows=1_000).url.path
    state = imported(client, page)
    assert state["state"] == "finished"
    assert state["name"] in production.compose("logs", "--no-color", "mail")


def test_a_queue_gets_a_second_worker(production: Stack) -> None:
    """By the README's command; the files of this stack are in its environment."""
    (command,) = commands(section((production.folder / "README.md").read_text(), "### Scale"))
    production.run("bash", "-c", command.replace("-f compose.yaml -f compose.production.yaml ", ""))
    listed = production.compose("ps", "--format=json", "worker-bulk").splitlines()
    assert [json.loads(line)["Health"] for line in listed] == ["healthy"] * 2
    for number in (1, 2):
        address = f"http://{production.name}-worker-bulk-{number}:9802/metrics"
        get = f"import urllib.request; print(urllib.request.urlopen('{address}', timeout=10).read().decode())"
        assert "celery_" in production.execute("web", "python", "-c", get)
    production.compose("up", "--detach", "--wait", "--scale=worker-bulk=1")


def test_an_orderly_end_loses_nothing(production: Stack, client: httpx.Client) -> None:
    page = post(client, "/", "/imports/sample/", rows=ROWS).url.path
    wait_for("some rows", lambda: status(client, page).get("imported", 0) > 0)
    workers = ("worker-critical", "worker-default", "worker-bulk")
    production.compose("stop", *workers)
    containers = production.containers()
    # 137: it was killed, since it did not end in its time.
    killed = [worker for worker in workers if containers[worker]["State"]["ExitCode"] == 137]
    assert not killed, production.compose("logs", "--no-color", "--timestamps", "--tail=60", *killed)
    production.compose("up", "--detach", "--wait")
    state = imported(client, page, seconds=240)
    assert (state["state"], state["imported"] + state["refused"]) == ("finished", ROWS)
