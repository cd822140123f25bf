"""What differs between RabbitMQ and Redis as the broker, derived from the URL. Nothing else knows which it is."""

from ssl import CERT_REQUIRED
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from celery.app.backends import BACKEND_ALIASES
from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES

from .queues import DEAD_LETTER, DELIVERY_LIMIT, LONGEST_HOLD

#: Databases of the one Redis: 0 is the broker's where Redis is the broker.
RESULTS, SCHEDULE = 1, 2

#: Seconds without an answer after which a connection counts as dead. Without it, a peer that vanished blocks for ever.
SOCKET_TIMEOUT = 10

#: What the URL of a broker may begin with, and what it does where kombu would make a table the broker.
SCHEMES = {"amqp", "amqps", "redis", "rediss"}
DATABASES = {"sqla", "sqlalchemy", "pgmq", "django", "db"}

# kombu's own RabbitMQ waits for the confirm of each message.
TRANSPORT_ALIASES["amqp"] = f"{__package__}.amqp_transport:Transport"
TRANSPORT_ALIASES["amqps"] = f"{__package__}.amqp_transport:SSLTransport"
# kombu's own Redis destroys what is rejected and delivers a poison message for ever; this one has dead letters.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__package__}.redis_transport:Transport"))
# Celery's own calls a chord's errback several times or never; this one calls it once.
BACKEND_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__package__}.results:Backend"))


def options(broker_url: str, exchange: str) -> dict[str, Any]:
    """Return Celery's `broker_transport_options` for a broker's URL; the exchange is the one of `queues.task_queues`.

    Raises ImproperlyConfigured for a broker that is neither RabbitMQ nor Redis.
    """
    if why := refusal(broker_url):
        msg = f"CELERY_BROKER_URL: {why} Use {', '.join(sorted(SCHEMES))}."
        raise ImproperlyConfigured(msg)
    match urlsplit(broker_url).scheme:
        case "amqp" | "amqps":
            return {
                # A publish returns when the message is on the disk of a majority, not when it is in a socket's buffer.
                "confirm_publish": True,
                "read_timeout": SOCKET_TIMEOUT,
                "write_timeout": SOCKET_TIMEOUT,
            }
        case _:
            return {
                # Redis cannot tell a dead worker from a slow one: it delivers a message again after this time, so that
                # must be longer than a worker may hold one. It is also how long a killed worker's tasks wait.
                "visibility_timeout": LONGEST_HOLD + 30,
                # Look for such messages every 10 s, not every 100 s.
                "unacked_restore_interval": 10,
                "unacked_restore_throttle": 1,
                # Two of these without an answer: the connection is half-open, and made again.
                "health_check_interval": 10,
                "delivery_limit": DELIVERY_LIMIT,
                "dead_letter_exchange": exchange,
                "dead_letter_routing_key": DEAD_LETTER,
                "socket_timeout": SOCKET_TIMEOUT,
                "socket_connect_timeout": 5,
                "socket_keepalive": True,
            }


def refusal(broker_url: str) -> str:
    """Return in a sentence why this is no broker for this project, or nothing if it is one."""
    scheme = urlsplit(broker_url).scheme
    if scheme in SCHEMES:
        return ""
    kind = "a relational database" if scheme.partition("+")[0] in DATABASES else "not supported"
    return f"{scheme!r} is {kind}." if scheme else "there is no URL."


def tls(url: str) -> dict[str, Any] | None:
    """Return how a server's certificate is verified, for Celery's `..._use_ssl`; None for an address without TLS.

    kombu's own default for rediss:// and amqps:// verifies nothing. The authorities are the system's, or those of the
    file that SSL_CERT_FILE names.
    """
    match urlsplit(url).scheme:
        case "rediss":
            return {"ssl_cert_reqs": CERT_REQUIRED}
        case "amqps":
            # kombu puts the URL's host in place of None.
            return {"cert_reqs": CERT_REQUIRED, "server_hostname": None}
    return None


def redis_database(url: str, database: int) -> str:
    """Return the URL of one of the databases of a Redis, such as `redis://:secret@localhost:6379/1`.

    Raises ImproperlyConfigured if the URL is no Redis's.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"}:
        msg = f"REDIS_URL has the scheme {parts.scheme!r}: use redis or rediss."
        raise ImproperlyConfigured(msg)
    return urlunsplit(parts._replace(path=f"/{database}"))
