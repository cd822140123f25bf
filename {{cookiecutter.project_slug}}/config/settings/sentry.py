"""Sentry: a failed task or request reaches a human. Off, and silent, without SENTRY_DSN."""

from contextlib import suppress

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.utils import BadDsn

from .base import env

SENTRY_DSN = env.str("SENTRY_DSN", default="")

if SENTRY_DSN:
    # A misspelt one is no reason for the pages to be gone: `manage.py check` names it, and no worker starts.
    with suppress(BadDsn):
        sentry_sdk.init(
            dsn=SENTRY_DSN,
            environment=env.str("SENTRY_ENVIRONMENT", default="development"),
            release=env.str("SENTRY_RELEASE", default="") or None,
            integrations=[DjangoIntegration(), CeleryIntegration(monitor_beat_tasks=True)],
            # Arguments, cookies and addresses stay here; so do the local variables of each frame, which hold them.
            send_default_pii=False,
            include_local_variables=False,
            traces_sample_rate=env.float("SENTRY_TRACES_SAMPLE_RATE", default=0.0),
        )
