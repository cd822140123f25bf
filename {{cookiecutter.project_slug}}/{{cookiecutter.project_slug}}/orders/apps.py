"""The Django app: its tasks are followed on their page, and in development fall victim to its chaos panel."""

from importlib import import_module

from django.apps import AppConfig

from . import chaos


class OrdersConfig(AppConfig):
    name = f"{__package__}"
    label = "orders"

    def ready(self) -> None:
        """Listen to the tasks: models are ready only now."""
        import_module(f"{__package__}.following")
        if chaos.is_enabled():
            import_module(f"{__package__}.chaos.victims")
