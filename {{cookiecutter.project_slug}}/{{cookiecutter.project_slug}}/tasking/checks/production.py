"""Checks of what only production must get right: passwords, Flower's login, Sentry's address."""

import os
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from celery import Celery
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from sentry_sdk.utils import BadDsn, Dsn

from .settings import in_tests

#: What everybody tries first. A password that is the name of its user counts as well.
WELL_KNOWN = {
    *("guest", "admin", "root", "user", "test", "secret", "password", "changeme", "change-me", "123456", "default"),
    *("rabbitmq", "redis", "celery", "flower", "postgres", "postgresql", "django"),
}


def in_production() -> bool:
    """Whether these settings are for neither development nor tests."""
    return not settings.DEBUG and not in_tests()


def check_production(app: Celery) -> Iterator[CheckMessage]:
    """Yield what is wrong with what reaches the settings from the environment."""
    yield from sentry()
    if in_production():
        yield from passwords(app)
        yield from flower()


def sentry() -> Iterator[CheckMessage]:
    """E014."""
    dsn = getattr(settings, "SENTRY_DSN", "")
    try:
        if dsn:
            Dsn(dsn)
    except BadDsn as error:
        yield Error(
            f"It is no DSN, so that no failure is reported: {error}.",
            hint="Copy it from the settings in Sentry: https://KEY@HOST/PROJECT. Leave it empty to send nothing.",
            obj="SENTRY_DSN",
            id="tasking.E014",
        )


def passwords(app: Celery) -> Iterator[CheckMessage]:
    """E013. The message never tells the password."""
    urls = {
        "CELERY_BROKER_URL": app.conf.broker_url,
        "CELERY_RESULT_BACKEND": app.conf.result_backend,
        "REDBEAT": getattr(settings, "REDBEAT", {}).get("redbeat_redis_url"),
    }
    for name, url in urls.items():
        parts = urlsplit(url or "")
        # Without a login, RabbitMQ's client uses guest, and a Redis lets everybody in.
        guest = "guest" if parts.scheme.startswith("amqp") else ""
        yield from _judge(name, unquote(parts.username or guest), unquote(parts.password or guest))
    for alias, database in settings.DATABASES.items():
        # Without a password there may be a socket, a certificate or a file of them.
        if password := database.get("PASSWORD"):
            yield from _judge(f"DATABASES {alias!r}", database.get("USER", ""), password)


def flower() -> Iterator[CheckMessage]:
    """E015, for a login that is there."""
    if login := os.environ.get("FLOWER_BASIC_AUTH"):
        user, _, password = login.partition(":")
        if not user or _is_well_known(user, password):
            yield Error(
                "Flower's login is none, or the first that anybody tries: it shows arguments and stops workers.",
                hint="Give NAME:PASSWORD, the password a random one.",
                obj="FLOWER_BASIC_AUTH",
                id="tasking.E015",
            )
    if os.environ.get("FLOWER_UNAUTHENTICATED_API", "").lower() in {"1", "true", "yes", "on"}:
        yield Error(
            "Flower's API is open to everybody: it shows arguments and stops workers.",
            hint="Do not set it.",
            obj="FLOWER_UNAUTHENTICATED_API",
            id="tasking.E015",
        )


def check_deployment() -> Iterator[CheckMessage]:
    """Yield what `manage.py check --deploy` is to say besides: not every process of production needs all of it."""
    if not os.environ.get("FLOWER_BASIC_AUTH"):
        yield CheckWarning(
            "Flower has no login, so that it does not start.",
            hint="Give NAME:PASSWORD, at least to the process that is Flower.",
            obj="FLOWER_BASIC_AUTH",
            id="tasking.W015",
        )


def _judge(name: str, user: str, password: str) -> Iterator[CheckMessage]:
    if _is_well_known(user, password):
        what = "The password is one that everybody tries first" if password else "There is no password"
        yield Error(f"{what}.", hint="Give it a random one of its own.", obj=name, id="tasking.E013")


def _is_well_known(user: str, password: str) -> bool:
    return not password or password.lower() in WELL_KNOWN or password == user
