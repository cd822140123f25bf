"""The Django app: it brings the management commands."""

from django.apps import AppConfig


class TaskingConfig(AppConfig):
    name = f"{__package__}"
    label = "tasking"
