"""Settings for a test: the project, and the tasks of the ledger."""

from config.settings.local import *  # noqa: F403

CELERY_IMPORTS = ["tests.durability.ledger"]
