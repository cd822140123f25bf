"""The Django app: it brings the management commands, listens to messages and failures, checks tasks and settings."""

from importlib import import_module

from django.apps import AppConfig

#: What registers itself when it is imported, with signals and with Django's checks.
LISTENERS = (
    "dead_letters.recorder",
    "forking",
    "interrupts",
    "metrics.worker",
    "reporting",
    "request_id",
    "sent_at",
    "task_log",
    "checks.registration",
    "checks.worker_start",
)


class TaskingConfig(AppConfig):
    name = f"{__package__}"
    label = "tasking"

    def ready(self) -> None:
        """Import them: models are ready only now."""
        for module in LISTENERS:
            import_module(f"{__package__}.{module}")
