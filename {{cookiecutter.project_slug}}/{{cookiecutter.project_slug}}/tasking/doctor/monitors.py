"""What tells a person: Sentry and Flower."""

import os
from collections.abc import Iterator

from django.conf import settings

from .finding import Finding, ok, warning


def monitors() -> Iterator[Finding]:
    """Find whether both are configured. In development they need not be."""
    dsn, login = getattr(settings, "SENTRY_DSN", ""), os.environ.get("FLOWER_BASIC_AUTH", "")
    yield _configured("Sentry", bool(dsn), "Set SENTRY_DSN, or no human hears of a failed task.")
    yield _configured("Flower", all(login.partition(":")), "Set FLOWER_BASIC_AUTH=NAME:PASSWORD, or it does not start.")


def _configured(subject: str, is_on: bool, remedy: str) -> Finding:
    if is_on:
        return ok(subject, "configured")
    if settings.DEBUG:
        return ok(subject, "off")
    return warning(subject, "off", remedy)
