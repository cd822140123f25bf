"""Mail: printed, unless EMAIL_URL names a server, as in smtp+tls://NAME:PASSWORD@mail.example.com:587."""

from .base import env

ADDRESS = env.email_url("EMAIL_URL", default="consolemail://")
SMTP_OPTIONS = {
    "host": ADDRESS["EMAIL_HOST"],
    "port": ADDRESS["EMAIL_PORT"],
    "username": ADDRESS["EMAIL_HOST_USER"],
    "password": ADDRESS["EMAIL_HOST_PASSWORD"],
    "use_tls": ADDRESS.get("EMAIL_USE_TLS", False),
    "use_ssl": ADDRESS.get("EMAIL_USE_SSL", False),
    # Seconds for each answer of the server: less than any soft time limit, so that a server that hangs is a timeout.
    "timeout": 3,
}

MAILERS = {"default": {"BACKEND": ADDRESS["EMAIL_BACKEND"], "OPTIONS": SMTP_OPTIONS if ADDRESS["EMAIL_HOST"] else {}}}
DEFAULT_FROM_EMAIL = env.str("DJANGO_DEFAULT_FROM_EMAIL", default="webmaster@localhost")
