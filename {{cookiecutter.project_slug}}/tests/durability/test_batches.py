"""What is sent together: all of it arrives, in order, and who sent it is told if it does not."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import redis
from amqp.exceptions import MessageNacked
from celery import Task, group
from kombu import Connection, Exchange, Queue, pools
from kombu.exceptions import EncodeError

from {{ cookiecutter.project_slug }}.tasking import transport
from {{ cookiecutter.project_slug }}.tasking.app import SIZE, App

from sandbox.brokers import RabbitMQ, Server

pytestmark = pytest.mark.broker

NAME = "together"
QUEUE = Queue(NAME, Exchange(NAME, type="topic"), routing_key=NAME)


class Noop(Task[..., None]):
    """A task that does nothing. A class, since functions would be registered with the apps of all tests."""

    name = "noop"
    ignore_result = True

    def run(self, number: int) -> None:
        """Do nothing."""


@pytest.fixture
def app(fresh_broker: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An app with one task, which is sent to one queue of a broker."""
    monkeypatch.setenv("CELERY_BROKER_URL", fresh_broker.url)
    app: Any = App(NAME, backend="disabled://", set_as_current=False)
    app.conf.update(
        broker_transport_options=transport.options(fresh_broker.url, NAME),
        task_queues=[QUEUE],
        task_default_queue=NAME,
        task_default_exchange=NAME,
        task_default_routing_key=NAME,
        task_publish_retry_policy={"max_retries": 20, "interval_start": 0, "interval_step": 0.2, "interval_max": 1},
    )

    app.register_task(Noop())
    with app.connection_for_write() as connection:
        QUEUE(connection.default_channel).declare()
    yield app
    pools.reset()


def send(app: Any, numbers: Iterable[int]) -> None:
    group([app.tasks["noop"].s(number) for number in numbers], app=app).apply_async()


def arrived(app: Any) -> list[int]:
    """Take all messages of the queue, and return their numbers."""
    numbers = []
    with app.connection_for_write() as connection:
        queue = QUEUE(connection.default_channel)
        while message := queue.get(no_ack=True):
            numbers.append(message.payload[0][0])
    return numbers


@pytest.mark.parametrize("count", [1, 2, SIZE, SIZE + 1, 2 * SIZE + 50])
def test_a_group_arrives_in_order(app: Any, count: int) -> None:
    send(app, range(count))
    assert arrived(app) == list(range(count))


def test_a_group_of_which_one_cannot_be_sent_is_none_of_a_later_one(app: Any) -> None:
    noop = app.tasks["noop"]
    with pytest.raises(EncodeError):
        group([noop.s(1), noop.s(object()), noop.s(3)], app=app).apply_async()
    noop.delay(4)
    assert arrived(app)[-1] == 4
    send(app, [5, 6])
    assert arrived(app) == [5, 6]


def test_a_group_outlives_its_connections(app: Any, fresh_broker: Server) -> None:
    """They are cut while it is sent. Promise: all of it arrives, a part perhaps twice."""
    signatures = [app.tasks["noop"].s(number) for number in range(2 * SIZE)]

    def cut_in_the_middle() -> Iterator[Any]:
        for number, signature in enumerate(signatures):
            if number == SIZE + 10:
                cut(fresh_broker)
            yield signature

    group(cut_in_the_middle(), app=app).apply_async()
    numbers = arrived(app)
    assert set(numbers) == set(range(2 * SIZE))
    assert len(numbers) <= 3 * SIZE


def cut(broker: Server) -> None:
    """Have a broker close every connection of a client."""
    if isinstance(broker, RabbitMQ):
        broker.ctl("close_all_connections", "--vhost", broker.virtual_host, "a fault")
    else:
        with redis.Redis.from_url(broker.url) as client:
            client.client_kill_filter(_type="normal", skipme=True)


def test_what_rabbitmq_refuses_is_told(rabbitmq_server: RabbitMQ) -> None:
    """A queue takes two messages, and refuses others. Promise: who sends is told, and only who sent what is refused.

    A confirm that comes late is not taken for that of what is published next.
    """
    small = Queue("small", queue_arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    with rabbitmq_server.fresh(), connect(rabbitmq_server) as connection:
        producer = connection.Producer()
        for queue in (small, QUEUE):
            queue(connection.default_channel).declare()

        def publish(queue: Queue, count: int = 1) -> None:
            for _ in range(count):
                producer.publish({}, exchange=queue.exchange.name, routing_key=queue.routing_key or queue.name)

        def publish_together(queue: Queue, count: int, *, fail: bool = False) -> None:
            with producer.batch(max_size=20):
                publish(queue, count)
                if fail:
                    raise ZeroDivisionError

        publish_together(small, 1)
        with pytest.raises(MessageNacked):
            publish_together(small, 5)
        publish(QUEUE)
        with pytest.raises(ZeroDivisionError):
            publish_together(QUEUE, 15, fail=True)
        with pytest.raises(MessageNacked):
            publish(small)
        publish_together(QUEUE, 50)
        lengths = [waiting(queue(connection.default_channel)) for queue in (small, QUEUE)]
        assert lengths == [2, 1 + 15 + 50]


def waiting(queue: Any) -> int:
    return int(queue.queue_declare(passive=True).message_count)


def connect(server: Server) -> Any:
    return Connection(server.url, transport_options=transport.options(server.url, NAME))
