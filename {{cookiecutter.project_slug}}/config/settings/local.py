"""Development on one machine."""

from .base import *
from .celery import *
from .logging import *
from .mail import *
from .sentry import *

DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
