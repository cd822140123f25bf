"""The checks as Django knows them: with the tag `tasking`."""

from collections.abc import Sequence
from typing import Any

from celery import current_app
from django.apps import AppConfig
from django.core.checks import CheckMessage, register

from .. import registry
from . import production
from .names import check_names
from .settings import check_settings
from .tasks import check_tasks, in_apps

TAG = "tasking"


@register(TAG)
def check(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check the tasks of these apps; without apps, all tasks, their names and the settings."""
    app: Any = current_app
    tasks = registry.tasks(app)
    if app_configs is not None:
        return list(check_tasks(app, in_apps(tasks, app_configs)))
    return [
        *check_settings(app),
        *production.check_production(app),
        *check_tasks(app, tasks),
        *check_names(tasks),
    ]


@register(TAG, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """Check what concerns a deployment only."""
    return list(production.check_deployment())
