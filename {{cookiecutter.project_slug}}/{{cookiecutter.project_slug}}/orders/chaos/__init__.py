"""The chaos panel breaks something on purpose, so that one can watch it heal. In development only: `is_enabled`."""

from django.conf import settings


def is_enabled() -> bool:
    """Whether this is development: elsewhere nothing listens, nothing is shown, and no address answers."""
    return settings.DEBUG
