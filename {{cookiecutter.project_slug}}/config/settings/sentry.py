"""Sentry: a failed task or request reaches a human. Off, and silent, without SENTRY_DSN."""

from contextlib import suppress

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.utils import BadDsn

from .base import PACKAGE, env

SENTRY_DSN = env.str("SENTRY_DSN", default="")

# Each failure is reported as itself, see `tasking/reporting.py`; these would report it once more, as a line of a log,
# and a try that is followed by others too.
ignore_logger("celery.worker.request")
ignore_logger("celery.worker.consumer.consumer")
ignore_logger("multiprocessing")
ignore_logger(f"{PACKAGE}.tasking.consumer")
ignore_logger(f"{PACKAGE}.tasking.task_log")

# What is sent more often than Sentry's monitors can tell apart, or for each queue. Beat itself has a heartbeat.
UNMONITORED = ["canary of .*", "relay the outbox", "collect the dead letters"]

if SENTRY_DSN:
    # A misspelt one is no reason for the pages to be gone: `manage.py check` names it, and no worker starts.
    with suppress(BadDsn):
        sentry_sdk.init(
            dsn=SENTRY_DSN,
            environment=env.str("SENTRY_ENVIRONMENT", default="development"),
            release=env.str("SENTRY_RELEASE", default="") or None,
            integrations=[
                DjangoIntegration(),
                CeleryIntegration(monitor_beat_tasks=True, exclude_beat_tasks=UNMONITORED),
            ],
            # Arguments, cookies and addresses stay here; so do the local variables of each frame, which hold them.
            send_default_pii=False,
            include_local_variables=False,
            traces_sample_rate=env.float("SENTRY_TRACES_SAMPLE_RATE", default=0.0),
        )
