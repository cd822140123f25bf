"""The Django app: it brings the management commands and listens for failures and for what is sent."""

from importlib import import_module

from django.apps import AppConfig


class TaskingConfig(AppConfig):
    name = f"{__package__}"
    label = "tasking"

    def ready(self) -> None:
        """Have failed tasks recorded in every process, and each message dated; models are ready only now."""
        import_module(f"{__package__}.dead_letters.recorder")
        import_module(f"{__package__}.sent_at")
