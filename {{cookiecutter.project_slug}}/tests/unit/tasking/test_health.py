"""The heartbeat file, and the two probes that read it."""

import os
import stat
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from {{ cookiecutter.project_slug }}.tasking import canary, health
from {{ cookiecutter.project_slug }}.tasking import tasks as upkeep
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, QUEUES
from {{ cookiecutter.project_slug }}.tasking.schedule import CANARIES, CANARY_EXPIRES, CANARY_INTERVAL

ROOT = Path(settings.BASE_DIR)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the heartbeats of a test lie; not there yet."""
    folder = tmp_path / "health"
    monkeypatch.setenv("HEALTH_DIR", str(folder))
    return folder


def shell_probe(*arguments: str) -> int:
    return subprocess.run([ROOT / "bin/healthy", *arguments], check=False).returncode


def manage_probe(max_age: int) -> int:
    try:
        call_command("health", "beat", f"--max-age={max_age}")
    except CommandError as error:
        return error.returncode
    return 0


def test_what_is_written_is_read() -> None:
    health.write(health.BEAT, health.STANDBY)
    heartbeat = health.read(health.BEAT)
    assert (heartbeat.state, heartbeat.pid) == (health.STANDBY, os.getpid())
    assert 0 <= heartbeat.age < 30


def test_a_heartbeat_replaces_the_one_before(folder: Path) -> None:
    health.write(health.BEAT, health.STANDBY)
    health.write(health.BEAT, health.LEADING)
    assert health.read(health.BEAT).state == health.LEADING
    assert [path.name for path in folder.iterdir()] == [health.BEAT]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [None, "", "soon leading 1\n", "17 leading\n"])
def test_what_is_no_heartbeat_is_not_healthy(folder: Path, content: str | None) -> None:
    folder.mkdir()
    if content is not None:
        (folder / health.BEAT).write_text(content)
    with pytest.raises(health.NoHeartbeatError, match="beat: no heartbeat in "):
        health.read(health.BEAT)
    assert manage_probe(60) == 1
    assert shell_probe(health.BEAT) != 0


@pytest.mark.parametrize(("age", "alive"), [(0, True), (40, True), (90, False), (-90, False)])
def test_both_probes_agree(folder: Path, age: int, alive: bool) -> None:
    folder.mkdir()
    (folder / health.BEAT).write_text(f"{int(time.time()) - age} leading 17\n")
    assert manage_probe(60) == (0 if alive else 1)
    assert (shell_probe(health.BEAT, "60") == 0) is alive
    assert (shell_probe(health.BEAT) == 0) is alive, "60 s is the default"


def test_both_probes_look_in_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEALTH_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    health.write(health.BEAT, health.LEADING)
    assert shell_probe(health.BEAT) == 0


def test_a_name_is_required() -> None:
    assert shell_probe() != 0


def test_each_queue_has_a_canary_that_runs_there() -> None:
    sent = {entry["options"]["queue"]: entry for entry in CANARIES.values()}  # type: ignore[index]
    assert set(sent) == set(QUEUES)
    for queue, entry in sent.items():
        assert entry["args"] == [queue]
        assert entry["task"] == upkeep.canary.name
        assert CANARY_EXPIRES[queue] >= CANARY_INTERVAL


@pytest.mark.django_db
def test_a_canary_tells_when_it_passed_and_how_long_it_waited() -> None:
    sent = datetime.now(UTC) - timedelta(seconds=7)
    for _ in range(2):
        canary.passed(BULK, sent + CANARY_EXPIRES[BULK])
    (row,) = canary.Canary.objects.all()
    assert row.queue == BULK
    assert timedelta(seconds=7) <= row.wait < timedelta(seconds=60)
    found = {passage.queue: passage for passage in canary.passages()}
    assert set(found) == set(QUEUES)
    assert not found[BULK].is_late
    assert all(found[queue].is_late for queue in QUEUES if queue != BULK)


@pytest.mark.django_db
def test_the_queues_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for queue in QUEUES:
        canary.passed(queue, datetime.now(UTC) + CANARY_EXPIRES[queue])
    call_command("health", "queues")
    assert "bulk: 0 s ago, after 0.0" in capsys.readouterr().out
    old = datetime.now(UTC) - CANARY_EXPIRES[BULK] - 2 * CANARY_INTERVAL
    canary.Canary.objects.filter(queue=BULK).update(passed_at=old)
    with pytest.raises(CommandError, match=r"not read, or far behind: bulk$"):
        call_command("health", "queues")
