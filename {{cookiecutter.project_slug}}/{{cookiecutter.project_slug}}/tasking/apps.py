"""The Django app: it brings the management commands, listens to messages and failures, checks tasks and settings."""

from importlib import import_module

from django.apps import AppConfig


class TaskingConfig(AppConfig):
    name = f"{__package__}"
    label = "tasking"

    def ready(self) -> None:
        """Import what registers itself: models are ready only now."""
        for module in ("dead_letters.recorder", "reporting", "sent_at", "checks.registration", "checks.worker_start"):
            import_module(f"{__package__}.{module}")
