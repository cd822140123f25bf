"""Production, behind a proxy that ends TLS and sets X-Forwarded-Proto."""

from .base import *
from .celery import *
from .logging import *
from .mail import *
from .sentry import *

MIDDLEWARE = [
    MIDDLEWARE[0],
    # Static files are served by this process, right after the security headers.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    *MIDDLEWARE[1:],
    # Nothing else is public unless its view says so.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Behind the proxy, see `deploy/caddy/`.
FLOWER_URL = env.str("FLOWER_URL", default="/flower")

LOG_FORMAT = env.str("LOG_FORMAT", default="json")
HANDLER["formatter"] = LOG_FORMAT
