"""The checks name what is careless, where it stands and what to write instead, and are silent about what is not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from celery import Celery, shared_task
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.test import override_settings
from kombu.transport import TRANSPORT_ALIASES

from {{ cookiecutter.project_slug }}.tasking import registry
from {{ cookiecutter.project_slug }}.tasking.checks import names, no_check, production, registration, worker_start
from {{ cookiecutter.project_slug }}.tasking.checks import settings as checks
from {{ cookiecutter.project_slug }}.tasking.management.commands.tasks import Command
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, QUEUES, STOP_GRACE_PERIOD
from {{ cookiecutter.project_slug }}.tasking.task import Task

from config.celery import app as project_app

ROOT = Path(settings.BASE_DIR)
CARELESS = ROOT / "tests/careless"

#: A finding: file and line of a task or name of a setting, id, message.
LINE = re.compile(r"^(?P<where>[^:\s]+(?::\d+)?)(?P<what>.*?): \((?P<id>tasking\.\w+)\) (?P<text>.*)$")

#: What a line of the careless files says that is to be found there.
EXPECTED = re.compile(r"  # ([EW]\d{3}) (.*?)(?=  # |$)")


def manage_check(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--tag", "tasking", *flags]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Celery sets up Django once more as it imports the tasks, and with it logging, under the feet of `caplog`."""
    registry.tasks(project_app)


@pytest.fixture(scope="module")
def found() -> list[tuple[str, str, str]]:
    """What `manage.py check` says of the careless app: place, id, message."""
    done = manage_check(DJANGO_SETTINGS_MODULE="tests.careless.settings", CELERY_BROKER_URL="redis://:x@127.0.0.1:1")
    assert done.returncode == 1
    lines = filter(None, (LINE.match(line) for line in done.stderr.splitlines()))
    return [(line["where"], line["id"].removeprefix("tasking."), line["text"]) for line in lines]


def expected(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what a careless file says is to be found in it."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        setting = re.match(r'(\w+) =|    "(.*?)": \{', line)
        for check_id, text in EXPECTED.findall(line):
            if path.name != "settings.py":
                yield f"{path.relative_to(ROOT)}:{number}", check_id, text
            elif setting:
                yield setting[1] or "CELERY_BEAT_SCHEDULE", check_id, text


def test_each_careless_task_is_named_by_id_and_line(found: list[tuple[str, str, str]]) -> None:
    wanted = sorted(expected(CARELESS / "tasks.py"))
    assert len(wanted) > 40
    seen = sorted(finding for finding in found if finding[0].startswith("tests/careless/tasks.py"))
    assert [finding[:2] for finding in seen] == [finding[:2] for finding in wanted]
    for (_, _, text), (_, _, beginning) in zip(seen, wanted, strict=True):
        assert text.startswith(beginning)


def test_each_careless_setting_is_named(found: list[tuple[str, str, str]]) -> None:
    wanted = sorted(expected(CARELESS / "settings.py"))
    assert len(wanted) == 14
    seen = sorted(finding for finding in found if "/" not in finding[0])
    assert [finding[:2] for finding in seen] == [finding[:2] for finding in wanted]
    for (_, _, text), (_, _, beginning) in zip(seen, wanted, strict=True):
        assert text.startswith(beginning)


def test_what_is_nearly_careless_is_not_named(found: list[tuple[str, str, str]]) -> None:
    assert [finding for finding in found if "nearly" in finding[0]] == []


def test_nothing_else_is_named(found: list[tuple[str, str, str]]) -> None:
    ours = ("tests/careless/tasks.py", "CELERY", "TASK_", "SENTRY_DSN")
    assert [finding for finding in found if not finding[0].startswith(ours)] == [
        ("tests/careless/tasks.lock", "W027", names.NO_FILE)
    ]


@pytest.mark.parametrize(
    ("module", "broker"),
    [("local", "redis://:Jk3-x@127.0.0.1:1/0"), ("production", "amqp://shop:Jk3-x@127.0.0.1:1/shop")],
)
def test_the_project_itself_is_careful(module: str, broker: str) -> None:
    done = manage_check(
        "--fail-level",
        "INFO",
        *(["--deploy"] if module == "production" else []),
        DJANGO_SETTINGS_MODULE=f"config.settings.{module}",
        CELERY_BROKER_URL=broker,
        REDIS_URL="redis://:Jk3-x@127.0.0.1:1",
        FLOWER_BASIC_AUTH="flower:Jk3-x",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_single_app_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[list[str]] = []

    def check(_: Any, tasks: list[Any]) -> list[CheckMessage]:
        checked.append([task.name for task in tasks])
        return []

    monkeypatch.setattr(registration, "check_tasks", check)
    for label in ("auth", "tasking"):
        run_checks(app_configs=[apps.get_app_config(label)], tags=["tasking"])
    none, upkeep = checked
    assert none == []
    assert f"{settings.PACKAGE}.tasking.tasks.purge" in upkeep
    assert all(name.startswith(f"{settings.PACKAGE}.tasking.") for name in upkeep)


def test_tasks_of_celery_and_of_others_are_not_ours() -> None:
    @shared_task(name="other.package.task")
    def other() -> None: ...

    mine = {task.name for task in registry.tasks(project_app)}
    assert "other.package.task" in project_app.tasks
    assert not {name for name in mine if name.startswith(("celery.", "other."))}
    assert f"{settings.PACKAGE}.tasking.tasks.purge" in mine


# --- Settings, one at a time --------------------------------------------------------------------------------------


@pytest.fixture
def app() -> Any:
    """An app like the project's, on a Redis, whose settings a test may change."""
    app: Any = Celery("test", task_cls=Task, set_as_current=False)
    app.conf.update(
        broker_url="redis://127.0.0.1:1",
        accept_content=["json"],
        result_backend="redis://127.0.0.1:1",
        broker_transport_options={"visibility_timeout": 210},
        task_queues=settings.CELERY_TASK_QUEUES,
    )
    return app


def ids(messages: Iterator[CheckMessage]) -> list[str]:
    return [str(message.id) for message in messages]


@pytest.fixture(autouse=True)
def no_broker_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery lets the environment win over its configuration."""
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("url", ["redis://a:1", "rediss://a:1", "amqp://a:1//", "amqps://a:1//"])
def test_e001_both_brokers_are_fine(app: Any, url: str) -> None:
    app.conf.broker_url = url
    assert ids(checks.broker(app)) == []


@pytest.mark.parametrize("url", ["sqla+sqlite:///a", "pgmq://a", "sqs://", "memory://"])
def test_e001_nothing_else_is_a_broker(app: Any, url: str) -> None:
    app.conf.broker_url = url
    (message,) = checks.broker(app)
    assert message.id == "tasking.E001"
    assert ("is a relational database." in message.msg) == url.startswith(("sqla", "pgmq"))
    assert message.hint == "Use amqp, amqps, redis, rediss."


@pytest.mark.parametrize("content", ["pickle", "application/x-python-serialize", "yaml", "application/x-yaml"])
def test_e002_unsafe_content(app: Any, content: str) -> None:
    app.conf.accept_content = ["json", content]
    (message,) = checks.serializers(app)
    assert (message.id, message.obj) == ("tasking.E002", "CELERY_ACCEPT_CONTENT")


@pytest.mark.parametrize("content", ["json", "application/json", "msgpack"])
def test_e002_safe_content(app: Any, content: str) -> None:
    app.conf.accept_content = [content]
    assert ids(checks.serializers(app)) == []


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("CELERY_TASK_ACK_LATE", "CELERY_TASK_ACKS_LATE"),
        ("CELERY_WORKER_PREFETCH_MULTIPLER", "CELERY_WORKER_PREFETCH_MULTIPLIER"),
        ("CELERYBEAT_SCHEDULE", "CELERY_BEAT_SCHEDULE"),
        ("CELERY_CELERYD_CONCURRENCY", "CELERY_WORKER_CONCURRENCY"),
        ("CELERY_IGNORE_RESULT", "CELERY_TASK_IGNORE_RESULT"),
        ("BROKER_POOL_LIMIT", "CELERY_BROKER_POOL_LIMIT"),
        ("WORKER_CONCURRENCY", "CELERY_WORKER_CONCURRENCY"),
    ],
)
def test_e003_a_wrong_name_and_the_right_one(app: Any, name: str, right: str) -> None:
    with override_settings(**{name: 1}):
        (message,) = checks.names(app)
    assert (message.id, message.obj, message.hint) == ("tasking.E003", name, f"Write {right}.")


def test_e003_a_name_unlike_any(app: Any) -> None:
    with override_settings(CELERY_QQQQQQ=1):
        (message,) = checks.names(app)
    assert message.hint == "Celery has no such setting; see its list of configuration defaults."


@pytest.mark.parametrize("name", ["CELERY_TASK_TRACK_STARTED", "CELERY_REDIS_MAX_CONNECTIONS", "TASKS", "BROKER_NAME"])
def test_e003_a_name_that_is_right_or_not_celerys(app: Any, name: str) -> None:
    with override_settings(**{name: 1}):
        assert ids(checks.names(app)) == []


def test_e004_eager_belongs_into_tests(app: Any) -> None:
    app.conf.task_always_eager = True
    assert ids(checks.eager(app)) == []  # these are tests
    with override_settings(SETTINGS_MODULE="config.settings.production"):
        assert ids(checks.eager(app)) == ["tasking.E004"]


def with_bulk(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    table = MappingProxyType({**QUEUES, BULK: replace(QUEUES[BULK], **changes)})
    monkeypatch.setattr(checks, "QUEUES", table)


@pytest.mark.parametrize(
    ("soft", "hard", "wrong"), [(120, 120, True), (130, 120, True), (0, 120, True), (119, 120, False)]
)
def test_e005_the_soft_limit_comes_first(
    app: Any, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wrong: bool
) -> None:
    with_bulk(monkeypatch, soft_time_limit=soft, time_limit=hard)
    assert ids(checks.limits(app)) == ["tasking.E005"] * wrong


@pytest.mark.parametrize(
    ("url", "limit", "prefetch", "wrong"),
    [
        ("redis://a", 210, 1, True),
        ("redis://a", 209, 1, False),
        ("redis://a", 105, 2, True),
        ("amqp://a", 209, 2, False),
        ("amqp://a", 1800, 1, True),
        ("amqp://a", 1799, 1, False),
        ("amqp://a", 900, 2, True),
    ],
)
def test_e006_the_broker_waits_longer_than_a_task_takes(  # noqa: PLR0917
    app: Any, monkeypatch: pytest.MonkeyPatch, url: str, limit: int, prefetch: int, wrong: bool
) -> None:
    app.conf.broker_url = url
    with_bulk(monkeypatch, time_limit=limit, prefetch_multiplier=prefetch)
    found = list(checks.waits(app))
    assert ids(iter(found)) == ["tasking.E006"] * wrong
    assert all(("visibility_timeout" if url.startswith("redis") else "consumer_timeout") in m.msg for m in found)


@pytest.mark.parametrize(("seconds", "wrong"), [(STOP_GRACE_PERIOD, True), (STOP_GRACE_PERIOD - 1, False), (0, False)])
def test_e007_a_worker_has_time_to_end(app: Any, seconds: float, wrong: bool) -> None:
    app.conf.worker_soft_shutdown_timeout = seconds
    assert ids(checks.shutdown(app)) == ["tasking.E007"] * wrong


@pytest.mark.parametrize(("transport", "wrong"), [("kombu.transport.redis:Transport", True), (None, False)])
def test_e008_a_long_delay_where_workers_hold_it(
    app: Any, monkeypatch: pytest.MonkeyPatch, transport: str | None, wrong: bool
) -> None:
    entry = {"task": "a", "schedule": 1, "options": {"countdown": 210}}
    app.conf.beat_schedule = {"late": entry, "soon": {**entry, "options": {"countdown": 209}}}
    if transport:
        monkeypatch.setitem(TRANSPORT_ALIASES, "redis", transport)
    found = list(checks.delays(app))
    assert [(message.id, message.obj) for message in found] == [("tasking.E008", "CELERY_BEAT_SCHEDULE 'late'")] * wrong


def test_e009_results_have_a_place(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None: ...

    keep = app.task(nothing, name="keep", shared=False, ignore_result=False)
    monkeypatch.setattr(registry, "tasks", lambda _: [keep])
    assert ids(checks.result_backend(app)) == []
    app.conf.result_backend = None
    assert ids(checks.result_backend(app)) == ["tasking.E009"]
    monkeypatch.setattr(registry, "tasks", lambda _: [])
    assert ids(checks.result_backend(app)) == []


# --- Production ---------------------------------------------------------------------------------------------------


@pytest.fixture
def in_production() -> Iterator[None]:
    """Settings as in production, whose logins are sound."""
    redbeat = {"redbeat_redis_url": "redis://:Jk3-x@a"}
    with override_settings(SETTINGS_MODULE="a.production", DEBUG=False, REDBEAT=redbeat):
        yield


@pytest.mark.usefixtures("in_production")
@pytest.mark.parametrize(
    ("login", "wrong"),
    [("guest:guest@", 1), ("", 1), ("shop:shop@", 1), ("shop:Password@", 1), ("shop:Jk3-x@", 0), ("shop:%67uest@", 1)],
)
def test_e013_well_known_passwords(app: Any, login: str, wrong: int) -> None:
    app.conf.update(broker_url=f"amqp://{login}a//", result_backend="redis://:Jk3-x@a")
    found = list(production.passwords(app))
    assert [(message.id, message.obj) for message in found] == [("tasking.E013", "CELERY_BROKER_URL")] * wrong
    assert not [message for message in found if "guest" in str(message).lower()]
    app.conf.update(broker_url="amqp://shop:Jk3-x@a//", result_backend="redis://a")
    assert [message.msg for message in production.passwords(app)] == ["There is no password."]


@pytest.mark.usefixtures("in_production")
@pytest.mark.parametrize(("password", "wrong"), [("shop", True), ("postgres", True), ("Jk3-x", False), ("", False)])
def test_e013_the_database(app: Any, monkeypatch: pytest.MonkeyPatch, password: str, wrong: bool) -> None:
    app.conf.update(broker_url="amqp://shop:Jk3-x@a//", result_backend="redis://:Jk3-x@a")
    monkeypatch.setitem(settings.DATABASES, "default", {"USER": "shop", "PASSWORD": password})
    assert [message.obj for message in production.passwords(app)] == ["DATABASES 'default'"] * wrong


@pytest.mark.usefixtures("in_production")
def test_e013_the_schedule(app: Any) -> None:
    app.conf.update(broker_url="amqp://shop:Jk3-x@a//", result_backend="redis://:Jk3-x@a")
    with override_settings(REDBEAT={"redbeat_redis_url": "redis://:redis@a"}):
        assert [message.obj for message in production.passwords(app)] == ["REDBEAT"]


def test_e013_development_may_be_careless(app: Any) -> None:
    app.conf.broker_url = "amqp://guest:guest@a//"
    with override_settings(SETTINGS_MODULE="a.local", DEBUG=True):
        assert ids(production.check_production(app)) == []


@pytest.mark.parametrize("dsn", ["nonsense", "https://sentry.example.com/1", "https://key@sentry.example.com"])
def test_e014_no_dsn(dsn: str) -> None:
    with override_settings(SENTRY_DSN=dsn):
        assert ids(production.sentry()) == ["tasking.E014"]


@pytest.mark.parametrize("dsn", ["", "https://key@sentry.example.com/1"])
def test_e014_a_dsn_or_none(dsn: str) -> None:
    with override_settings(SENTRY_DSN=dsn):
        assert ids(production.sentry()) == []


def test_e014_a_misspelt_dsn_does_not_keep_the_pages_from_being_served() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.local", "SENTRY_DSN": "nonsense"}
    subprocess.run([sys.executable, "-c", "import config.wsgi"], cwd=ROOT, env=environment, check=True)


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("FLOWER_BASIC_AUTH", "flower:Jk3-x", False),
        ("FLOWER_BASIC_AUTH", "flower:flower", True),
        ("FLOWER_BASIC_AUTH", "admin:changeme", True),
        ("FLOWER_BASIC_AUTH", "flower", True),
        ("FLOWER_BASIC_AUTH", ":Jk3-x", True),
        ("FLOWER_UNAUTHENTICATED_API", "true", True),
        ("FLOWER_UNAUTHENTICATED_API", "0", False),
    ],
)
def test_e015_flower_is_locked(monkeypatch: pytest.MonkeyPatch, name: str, value: str, wrong: bool) -> None:
    for known in ("FLOWER_BASIC_AUTH", "FLOWER_UNAUTHENTICATED_API"):
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(name, value)
    assert ids(production.flower()) == ["tasking.E015"] * wrong


def test_w015_a_deployment_without_a_login_for_flower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)
    assert ids(production.check_deployment()) == ["tasking.W015"]
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "flower:Jk3-x")
    assert ids(production.check_deployment()) == []


# --- Names --------------------------------------------------------------------------------------------------------


@pytest.fixture
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The names of the upkeep, in a file of this test's."""
    path = tmp_path / names.FILE
    monkeypatch.setattr(names, "_project_apps", lambda: [apps.get_app_config("tasking")])
    monkeypatch.setattr(apps.get_app_config("tasking"), "path", str(tmp_path))
    (written,) = names.lock_files(registry.tasks(project_app)).values()
    names.write(path, written)
    return path


def test_e026_a_name_that_is_gone(lock_file: Path) -> None:
    with lock_file.open("a") as file:
        file.write("shop.tasks.old\n")
    (message,) = names.check_names(registry.tasks(project_app))
    assert (message.id, message.obj) == ("tasking.E026", f"{lock_file}:{len(lock_file.read_text().splitlines())}")
    assert message.msg.startswith("shop.tasks.old is gone, but a message of that name may still wait")
    assert 'Renamed? Keep what messages call it: @shared_task(name="shop.tasks.old", ...)' in str(message.hint)


def test_w027_a_name_that_is_new(lock_file: Path) -> None:
    lines = lock_file.read_text().splitlines(keepends=True)
    lock_file.write_text("".join(line for line in lines if "canary" not in line))
    (message,) = names.check_names(registry.tasks(project_app))
    assert message.id == "tasking.W027"
    assert re.fullmatch(
        rf"{settings.PACKAGE}/tasking/tasks.py:\d+ {settings.PACKAGE}.tasking.tasks.canary", message.obj
    )


def test_names_that_are_the_same(lock_file: Path) -> None:
    assert ids(names.check_names(registry.tasks(project_app))) == []


def test_the_command_writes_the_names(lock_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = lock_file.read_text()
    lock_file.write_text(written.replace(f"{settings.PACKAGE}.tasking.tasks.canary", "shop.tasks.old"))
    call_command(Command(), "--lock")
    assert lock_file.read_text() == written
    assert capsys.readouterr().out.splitlines() == [
        f"{lock_file}: 5 tasks, 1 new, 1 gone",
        f"  + {settings.PACKAGE}.tasking.tasks.canary",
        "  - shop.tasks.old",
    ]


def test_the_command_makes_the_file(lock_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = lock_file.read_text()
    lock_file.unlink()
    (message,) = names.check_names(registry.tasks(project_app))
    assert (message.id, message.msg, message.obj) == ("tasking.W027", names.NO_FILE, str(lock_file))
    call_command(Command(), "--lock")
    assert lock_file.read_text() == written


# --- Silence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_silence_needs_a_reason(reason: str) -> None:
    with pytest.raises(ValueError, match=r'no_check\("tasking.W012"\) needs a reason'):
        no_check("tasking.W012", reason=reason)


def test_a_silence_stands_beneath_the_decorator_of_the_task() -> None:
    with pytest.raises(TypeError, match="belongs beneath the decorator that makes the task"):

        @no_check("tasking.W012", reason="It is above.")
        @shared_task
        def task() -> None: ...


# --- Where they run -----------------------------------------------------------------------------------------------


def test_they_pass_in_the_tests() -> None:
    assert run_checks(tags=["tasking"]) == []


def test_a_worker_says_what_is_wrong_and_does_not_start(caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(CELERY_TASK_ACK_LATE=True), pytest.raises(SystemExit, match="1"):
        worker_start.review()
    assert "CELERY_TASK_ACK_LATE: (tasking.E003)" in caplog.text
    assert "this worker does not start" in caplog.text


def test_a_worker_starts_when_what_is_wrong_is_silenced(caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(CELERY_TASK_ACK_LATE=True, SILENCED_SYSTEM_CHECKS=["tasking.E003"]):
        worker_start.review()
    assert caplog.text == ""
