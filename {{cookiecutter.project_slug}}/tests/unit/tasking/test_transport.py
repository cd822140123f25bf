"""What is derived from the broker's URL."""

from ssl import CERT_REQUIRED

import pytest
from django.core.exceptions import ImproperlyConfigured

from {{ cookiecutter.project_slug }}.tasking import transport
from {{ cookiecutter.project_slug }}.tasking.queues import QUEUES


@pytest.mark.parametrize("url", ["amqp://host/", "amqps://host/shop"])
def test_rabbitmq_confirms_each_publish(url: str) -> None:
    assert transport.options(url, "shop")["confirm_publish"] is True


@pytest.mark.parametrize("url", ["redis://host/0", "rediss://host/0"])
@pytest.mark.parametrize("queue", QUEUES)
def test_redis_waits_longer_than_a_worker_may_hold_a_message(url: str, queue: str) -> None:
    policy = QUEUES[queue]
    visibility_timeout = transport.options(url, "shop")["visibility_timeout"]
    assert visibility_timeout > policy.prefetch_multiplier * policy.time_limit


@pytest.mark.parametrize("url", ["sqla+sqlite:///celery.db", "pgmq://host/shop", "memory://", "host:5672", ""])
def test_nothing_else_is_a_broker(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Use amqp, amqps, redis, rediss"):
        transport.options(url, "shop")


@pytest.mark.parametrize("path", ["", "/", "/0"])
def test_a_database_of_redis(path: str) -> None:
    assert transport.redis_database(f"redis://:secret@host:6379{path}", 2) == "redis://:secret@host:6379/2"


def test_parameters_of_the_url_are_kept() -> None:
    url = transport.redis_database("rediss://host:6379/0?ssl_cert_reqs=required", 1)
    assert url == "rediss://host:6379/1?ssl_cert_reqs=required"


def test_a_url_of_something_else_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL has the scheme 'amqp'"):
        transport.redis_database("amqp://host", 1)


@pytest.mark.parametrize("url", ["rediss://host:6379/1", "amqps://host:5671//"])
def test_with_tls_the_server_is_verified(url: str) -> None:
    assert CERT_REQUIRED in (transport.tls(url) or {}).values()


@pytest.mark.parametrize("url", ["redis://host:6379/1", "amqp://host//"])
def test_without_tls_nothing_is_to_be_verified(url: str) -> None:
    assert transport.tls(url) is None
