"""A worker starts only where the checks find no error.

Celery runs all of Django's as its task modules are imported, but drops what they find, so that is switched off. Here
only those of `tasking` run: they open no connection to the database, which the worker's children would inherit.
"""

import logging
from typing import Any

from celery.signals import worker_init
from django.core.checks import run_checks

from .registration import TAG

logger = logging.getLogger(__name__)


@worker_init.connect
def review(**_: Any) -> None:
    """Log what the checks find. Raises SystemExit for an error."""
    found = [message for message in run_checks(tags=[TAG]) if not message.is_silenced()]
    for message in found:
        logger.log(message.level, "%s", message)
    if any(message.is_serious() for message in found):
        logger.critical("this worker does not start: mend the errors above, which `manage.py check` shows too")
        raise SystemExit(1)
