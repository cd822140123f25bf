"""Take the broker away for some seconds: Redis holds every message back, RabbitMQ closes each connection at once."""

import time
from http.client import HTTPException
from threading import Thread
from urllib.parse import quote

import redis
from celery import current_app
from django.conf import settings

from ...tasking.doctor.rabbitmq_management import ask

#: Seconds between two looks for new connections.
PAUSE = 0.3


def stop(seconds: int) -> None:
    """Stop the broker, and come back at once.

    Raises OSError, HTTPException, redis-py's errors, or ValueError where nothing is known that could stop it.
    """
    with current_app.connection_for_write() as connection:
        if connection.transport.driver_type == "redis":
            pause_redis(connection.as_uri(include_password=True), seconds)
        else:
            close_connections(connection.virtual_host)
            Thread(target=keep_closing, args=[connection.virtual_host, seconds], daemon=True).start()


def pause_redis(url: str, seconds: int) -> None:
    """Have Redis hold back all that would change something, each message among it; what only reads goes on."""
    with redis.Redis.from_url(url) as client:
        client.client_pause(seconds * 1000, all=False)


def close_connections(virtual_host: str) -> None:
    """Close every connection to the virtual host, by RabbitMQ's management API."""
    url = settings.RABBITMQ_MANAGEMENT_URL
    if not url:
        msg = "only RabbitMQ's management API can close connections, and RABBITMQ_MANAGEMENT_URL is not set."
        raise ValueError(msg)
    for connection in ask(url, f"/api/vhosts/{quote(virtual_host, safe='')}/connections") or []:
        ask(url, f"/api/connections/{quote(connection['name'], safe='')}", method="DELETE")


def keep_closing(virtual_host: str, seconds: int) -> None:
    """Close those too that are made anew."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            close_connections(virtual_host)
        except (OSError, HTTPException):
            return
        time.sleep(PAUSE)
