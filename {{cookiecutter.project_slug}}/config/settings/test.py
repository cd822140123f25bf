"""Tests. Tasks run eagerly; tests marked `broker` start real workers instead, with the settings of development."""

from .base import *
from .celery import *
from .logging import *
from .mail import *

SECRET_KEY = "test"  # noqa: S105 - it guards nothing
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# A task called in a test has run when the call returns, and what it raises, the test sees.
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
