"""RabbitMQ, over AMQP: does it answer, does it take messages, are the queues there as they were declared."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amqp import Message, spec
from amqp.exceptions import AccessRefused, NotFound, PreconditionFailed
from celery import Celery
from kombu import Queue
from kombu.transport import pyamqp
from kombu.transport.native_delayed_delivery import MAX_NUMBER_OF_BITS_TO_USE, level_name
from kombu.utils.url import maybe_sanitize_url

from ..queues import DEAD_LETTER, QUEUES
from ..topology import all_queues
from .examination import PATIENCE
from .finding import Finding, count, failure, ok, warning
from .queues import missing, uncollected

#: A routing key of the default exchange, which leads to the queue of that name. There is none: it is dropped.
NOWHERE = f"{__package__}.nowhere"


class Blocked(Exception):
    """RabbitMQ takes no messages; the text is its reason."""


class Connection(pyamqp.Connection):  # type: ignore[misc]
    """A connection that ends with the reason when it is blocked; py-amqp's own drops the reason."""

    _METHODS = pyamqp.Connection._METHODS | {spec.Connection.Blocked: spec.method(spec.Connection.Blocked, "s")}

    def _on_blocked(self, reason: str) -> None:
        raise Blocked(reason)


@contextmanager
def connect(app: Celery) -> Iterator[Any]:
    """Open a connection, with one try, and close it. Raises OSError or amqp's own errors."""
    timeouts = {"read_timeout": PATIENCE, "write_timeout": PATIENCE}
    transport = app.connection_for_write(
        connect_timeout=PATIENCE,
        # So that RabbitMQ, too, soon notices the end of a connection that it has blocked: it reads none of those.
        heartbeat=5,
        transport_options=timeouts,
    ).transport
    transport.Connection = Connection
    connection = transport.establish_connection()
    try:
        yield connection
        connection.close()
    finally:
        connection.collect()  # waits for nothing


def broker(app: Celery) -> Iterator[Finding]:
    """Find the version."""
    with connect(app) as connection:
        server = connection.server_properties
        url = maybe_sanitize_url(app.conf.broker_write_url)
        yield ok("broker", f"{server.get('product', 'AMQP')} {server.get('version', '')} at {url}")


def alarms(app: Celery) -> Iterator[Finding]:
    """Find whether memory or disk is so short that no message is taken: the connection is blocked at the first one."""
    subject = "broker alarms"
    try:
        with connect(app) as connection:
            channel = connection.channel()
            channel.basic_publish(Message(), exchange="", routing_key=NOWHERE)
            channel.basic_qos(0, 1, False)  # answered after the message, or never
    except Blocked as reason:
        yield failure(
            subject,
            f"RabbitMQ takes no messages: {reason}",
            "Free memory or disk there, or empty the queues: `rabbitmqctl status` shows the limits.",
        )
    except AccessRefused:
        yield warning(
            subject, "not seen: this user may not publish to the default exchange", "Grant it `write` on amq.default."
        )
    else:
        yield ok(subject, "none, messages are taken")


def queues(app: Celery) -> Iterator[Finding]:
    """Find for each queue whether it is there, as declared, how much waits in it, and how many read it."""
    with connect(app) as connection:
        for queue in all_queues(app):
            yield _queue(connection, queue)
        yield _delayed(connection)


def _queue(connection: Any, queue: Queue) -> Finding:
    subject = f"queue {queue.name}"
    try:
        # Passively at first, for the other way makes one that is missing.
        found: Any = queue(connection.channel()).queue_declare(passive=True)
        queue(connection.channel()).queue_declare()
    except NotFound:
        return missing(subject, "")
    except PreconditionFailed as error:
        return failure(
            subject,
            f"is not as declared: {error.reply_text}",
            "No worker starts on it. Restore the arguments, or empty and delete the queue, or give it a new name.",
        )
    waiting, consumers = found.message_count, found.consumer_count
    depth = f"{waiting:,} waiting" if waiting else "empty"
    if queue.name == DEAD_LETTER:
        return uncollected(subject, waiting)
    if not consumers:
        tell = failure if waiting else warning
        return tell(subject, f"{depth}, no consumer", f"Start its worker: manage.py worker {queue.name}")
    # To look at a message is to take it, which counts as a delivery.
    age = f"; for how long, see canary {queue.name}" if waiting and queue.name in QUEUES else ""
    return ok(subject, f"{depth}, {count(consumers, 'consumer')}{age}")


def _delayed(connection: Any) -> Finding:
    """Find how much waits in the queues of Celery's delayed delivery."""
    subject, waiting, missing = "delayed", 0, 0
    channel = connection.channel()
    for level in range(MAX_NUMBER_OF_BITS_TO_USE):
        try:
            waiting += channel.queue_declare(level_name(level), passive=True).message_count
        except NotFound:
            missing += 1
            channel = connection.channel()
    if missing:
        finding = f"{missing} of the {MAX_NUMBER_OF_BITS_TO_USE} queues celery_delayed_* do not exist: retries get lost"
        return failure(subject, finding, "Start a worker: it sets them up.")
    messages = count(waiting, "message") if waiting else "nothing"
    return ok(subject, f"{messages} in the {MAX_NUMBER_OF_BITS_TO_USE} queues celery_delayed_*")
