"""Development on one machine."""

from .base import *
from .celery import *
from .logging import *
from .mail import *
from .sentry import *

DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

# As the Procfile starts it.
FLOWER_URL = env.str("FLOWER_URL", default=f"http://localhost:{env.str('FLOWER_PORT', default='5555')}")
