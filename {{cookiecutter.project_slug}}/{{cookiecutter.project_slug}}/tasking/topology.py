"""What the broker must have before a message is sent or read: the queues and, on RabbitMQ, what delays messages."""

from functools import lru_cache
from typing import Any

from celery import Celery
from kombu import Queue
from kombu.transport.native_delayed_delivery import (
    bind_queue_to_native_delayed_delivery_exchange,
    declare_native_delayed_delivery_exchanges_and_queues,
)

from .queues import dead_letter_queue


def all_queues(app: Celery) -> list[Queue]:
    """Return all queues, whoever reads them, and that of the dead letters as the last."""
    return [*app.amqp.queues.values(), dead_letter_queue(app.conf.task_default_exchange)]


def declare_queues(app: Celery, connection: Any) -> None:
    """Declare all queues. Again: nothing.

    Raises the transport's channel error if one exists with other arguments.
    """
    for queue in all_queues(app):
        queue.bind(connection.default_channel).declare()


@lru_cache(maxsize=1)
def ensure_delays(app: Celery) -> None:
    """See to it, once a process, that a message can be delayed: RabbitMQ drops one for which nothing is set up.

    A worker sets it up when it starts; this is for what is sent before the first worker ever did. On Redis nothing has
    to be. Raises kombu's OperationalError if the broker does not answer.
    """
    with app.connection_for_write() as connection:
        connection.ensure_connection(**app.conf.task_publish_retry_policy)
        if connection.transport.driver_type != "amqp":
            return
        declare_queues(app, connection)
        declare_native_delayed_delivery_exchanges_and_queues(
            connection, app.conf.broker_native_delayed_delivery_queue_type
        )
        for queue in app.amqp.queues.values():
            bind_queue_to_native_delayed_delivery_exchange(connection, queue)
