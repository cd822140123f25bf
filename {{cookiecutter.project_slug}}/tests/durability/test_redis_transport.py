"""A Redis that has dead letters: the rejected is kept, the poisonous set aside, what is given back neither."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import redis
from kombu import Connection, Exchange, Queue
from redis.commands.core import Script

from {{ cookiecutter.project_slug }}.tasking import redis_transport, transport
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, DEAD_LETTER, DEFAULT, dead_letter_queue, task_queues

from sandbox.brokers import Redis, wait_until

pytestmark = pytest.mark.broker

EXCHANGE = "shop"
LIMIT = 2

QUEUES = {queue.name: queue for queue in [*task_queues(EXCHANGE), dead_letter_queue(EXCHANGE)]}

#: Returns a connection of its own, as another process would have.
Connect = Callable[..., Any]


@pytest.fixture
def url(redis_server: Redis) -> str:
    """A database that no other test uses."""
    return redis_server.database_url(7)


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    """A plain client, to look at what lies in the database, which is empty at first."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture
def connect(url: str, client: Any) -> Iterator[Connect]:
    """A function that returns a new connection; those that are open at the end are closed."""
    with ExitStack() as stack:

        def connect(**options: Any) -> Any:
            ours = {**transport.options(url, EXCHANGE), "visibility_timeout": 0.1, "delivery_limit": LIMIT}
            connection = stack.enter_context(Connection(url, transport_options={**ours, **options}))
            for queue in QUEUES.values():
                queue(connection.default_channel).declare()
            return connection

        yield connect


def send(connection: Any, queue: str = DEFAULT, **headers: Any) -> None:
    connection.Producer().publish({"n": 1}, exchange=EXCHANGE, routing_key=queue, headers={"id": "one", **headers})


def take(connection: Any, queue: str = DEFAULT) -> Any:
    """Take the message of a queue and hold it."""
    message = QUEUES[queue](connection.default_channel).get()
    assert message is not None, f"nothing in {queue}"
    return message


def lose(connection: Any, client: Any) -> None:
    """Have what is held for longer than the visibility timeout given back, as any worker does, until nothing is."""

    def restored() -> bool:
        connection.default_channel.qos.restore_visible(num=10, interval=1)
        return held(client) == (0, 0)

    wait_until(restored, 10)


def held(client: Any) -> tuple[int, int]:
    """Return how many messages are held, by both books that kombu keeps."""
    return client.hlen("unacked"), client.zcard("unacked_index")


def lengths(client: Any) -> dict[str, int]:
    """Return how many messages lie in the queues that are not empty."""
    return {name: length for name in QUEUES if (length := client.llen(name))}


def test_what_is_rejected_is_a_dead_letter(connect: Connect, client: Any) -> None:
    connection = connect()
    send(connection, BULK, shop="north")
    take(connection, BULK).reject()
    assert held(client) == (0, 0)
    assert lengths(client) == {DEAD_LETTER: 1}
    letter = take(connection, DEAD_LETTER)
    assert letter.payload == {"n": 1}
    assert letter.headers["x-death"] == [{"reason": "rejected", "queue": BULK}]
    assert (letter.headers["id"], letter.headers["shop"]) == ("one", "north")
    letter.ack()
    assert held(client) == (0, 0)
    assert lengths(client) == {}


def test_what_is_held_as_redis_goes_away_is_given_back_when_it_returns() -> None:
    """Redis is killed under a consumer that holds a message. Promise: its next connection gives it back, at once."""
    with Redis() as server:
        options = transport.options(server.url, EXCHANGE)
        with Connection(server.url, transport_options=options) as connection:
            for queue in QUEUES.values():
                queue(connection.default_channel).declare()
            send(connection)
            take(connection)
            server.kill()
            connection.collect()
        assert len(redis_transport.owed) == 1
        server.start()
        with Connection(server.url, transport_options=options) as connection:
            connection.default_channel.qos.restore_visible(num=10, interval=1)
            assert redis_transport.owed == set()
            message = take(connection)
            assert message.payload == {"n": 1}
            # Nobody died of it.
            assert "x-delivery-count" not in message.headers
            message.ack()


def lose_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the connection fail when Redis has done what it was asked."""
    call = Script.__call__

    def lose(script: Script, *args: Any, **kwargs: Any) -> None:
        monkeypatch.undo()
        call(script, *args, **kwargs)
        raise redis.ConnectionError

    monkeypatch.setattr(Script, "__call__", lose)


def lose_what_is_held(
    connection: Connection, client: Any, monkeypatch: pytest.MonkeyPatch, count: int, ask: Callable[[], Any]
) -> None:
    """Ask for so many messages, and lose the answer and then the connection: they must be in their queue again."""
    lose_the_next_answer(monkeypatch)
    with pytest.raises(redis.ConnectionError):
        ask()
    assert held(client) == (count, count)
    lose(connection, client)
    assert lengths(client) == {DEFAULT: count}


def test_what_may_be_held_as_the_connection_is_lost_is_given_back(
    connect: Connect, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted as held, but the answer to that is lost. Promise: it does not wait for the visibility timeout."""
    connection = connect(visibility_timeout=3600)
    send(connection)
    lose_what_is_held(connection, client, monkeypatch, 1, partial(take, connection))


def test_what_is_rejected_with_requeue_is_no_dead_letter(connect: Connect, client: Any) -> None:
    connection = connect()
    send(connection)
    for _ in range(LIMIT + 2):
        take(connection).reject(requeue=True)
        assert held(client) == (0, 0)
    assert lengths(client) == {DEFAULT: 1}
    assert "x-delivery-count" not in take(connection).headers


def test_what_its_workers_die_of_is_a_dead_letter_after_the_limit(connect: Connect, client: Any) -> None:
    worker, other = connect(), connect()
    send(worker)
    for count in range(LIMIT):
        assert take(worker).headers.get("x-delivery-count", 0) == count
        lose(other, client)
        assert lengths(client) == {DEFAULT: 1}
    take(worker)
    lose(other, client)
    assert lengths(client) == {DEAD_LETTER: 1}
    letter = take(other, DEAD_LETTER)
    assert letter.headers["x-death"] == [{"reason": "delivery_limit", "queue": DEFAULT}]
    assert letter.headers["x-delivery-count"] == LIMIT + 1
    letter.ack()


def test_what_is_given_back_in_good_order_does_not_count(connect: Connect, client: Any) -> None:
    send(connect())
    for _ in range(LIMIT + 2):
        worker = connect()
        assert "x-delivery-count" not in take(worker).headers
        assert client.hlen("unacked") == 1
        worker.close()
        assert client.hlen("unacked") == 0
        assert lengths(client) == {DEFAULT: 1}


@pytest.mark.parametrize("how", ["close", "requeue", "die"])
def test_a_dead_letter_that_its_reader_gives_back_stays_one(connect: Connect, client: Any, how: str) -> None:
    """However often, and never does it return to the queue it came from, whose task would run once more."""
    worker, other = connect(), connect()
    send(worker, BULK)
    take(worker, BULK).reject()
    for _ in range(LIMIT + 2):
        reader = connect()
        letter = take(reader, DEAD_LETTER)
        match how:
            case "close":
                reader.close()
            case "requeue":
                letter.reject(requeue=True)
            case "die":
                lose(other, client)
        assert lengths(client) == {DEAD_LETTER: 1}
    assert take(other, DEAD_LETTER).headers["x-death"] == [{"reason": "rejected", "queue": BULK}]


def test_what_was_given_to_another_worker_meanwhile_is_not_buried_by_the_first(connect: Connect, client: Any) -> None:
    slow, other = connect(), connect()
    send(slow)
    message = take(slow)
    lose(other, client)
    message.reject()
    assert lengths(client) == {DEFAULT: 1}
    take(other).ack()
    assert held(client) == (0, 0)


def test_a_retry_starts_with_a_count_of_its_own(connect: Connect, client: Any) -> None:
    """Celery sends it with the headers of the message that it retries."""
    worker, other = connect(), connect()
    send(worker)
    take(worker)
    lose(other, client)
    first = take(worker)
    assert first.headers["x-delivery-count"] == 1
    send(worker, BULK, **first.headers)
    assert "x-delivery-count" not in take(worker, BULK).headers


def test_dead_letters_are_kept_where_no_queue_is_bound(connect: Connect, client: Any) -> None:
    connection = connect()
    send(connection)
    message = take(connection)
    client.delete(f"_kombu.binding.{EXCHANGE}")
    message.reject()
    assert lengths(client) == {DEAD_LETTER: 1}


def test_without_the_options_it_is_kombus_own(connect: Connect, client: Any) -> None:
    options = {"delivery_limit": 0, "dead_letter_exchange": "", "dead_letter_routing_key": ""}
    worker, other = connect(**options), connect(**options)
    send(worker)
    for _ in range(3):
        assert "x-delivery-count" not in take(worker).headers
        lose(other, client)
        assert lengths(client) == {DEFAULT: 1}
    take(worker).reject()
    assert held(client) == (0, 0)
    assert lengths(client) == {}


def test_what_was_taken_and_never_held_is_put_back(connect: Connect, client: Any) -> None:
    """What a worker that dies, or a half-open connection, leaves behind: the move was made, and nothing noted."""
    send(connect())
    assert client.lmove(DEFAULT, f"{DEFAULT}:taken", "RIGHT", "LEFT")
    assert lengths(client) == {}
    reader = connect()
    with reader.Consumer(QUEUES[DEFAULT], channel=reader.default_channel):

        def is_back() -> bool:
            reader.default_channel.put_back()
            return bool(lengths(client))

        wait_until(is_back, 30)
    assert lengths(client) == {DEFAULT: 1}
    take(reader).ack()
    assert client.keys(f"{DEFAULT}*") == []


def test_what_is_held_was_not_just_taken(connect: Connect, client: Any) -> None:
    connection = connect()
    send(connection)
    message = take(connection)
    assert client.llen(f"{DEFAULT}:taken") == 0
    assert held(client) == (1, 1)
    message.ack()


def test_a_reader_that_acknowledges_nothing_leaves_nothing_behind(connect: Connect, client: Any) -> None:
    connection = connect()
    send(connection)
    message: Any = QUEUES[DEFAULT](connection.default_channel).get(no_ack=True)
    assert message.payload == {"n": 1}
    assert client.llen(f"{DEFAULT}:taken") == 0
    assert held(client) == (0, 0)


@pytest.mark.parametrize("item", ["no json", "[1]", '{"body": "no properties"}', "[" * 100_000])
def test_what_is_no_message_is_a_dead_letter_and_in_nobodys_way(connect: Connect, client: Any, item: str) -> None:
    connection = connect()
    client.lpush(DEFAULT, item)
    take(connection).reject()
    send(connection)
    take(connection).ack()
    assert client.llen(f"{DEFAULT}:taken") == 0
    assert lengths(client) == {DEAD_LETTER: 1}
    assert take(connection, DEAD_LETTER).body == item.encode()


def turns(connection: Any, *callbacks: Callable[[Any, Any], None], room: int = 3) -> Callable[[], None]:
    """Have a connection read a queue as in a worker's event loop; return the function that takes its turn there."""
    channel = connection.default_channel
    consumer = connection.Consumer(QUEUES[DEFAULT], channel=channel, callbacks=callbacks, prefetch_count=room)
    consumer.consume()
    connection.transport.is_in_loop = True
    return channel.take_turn  # type: ignore[no-any-return]


def test_a_turn_takes_what_there_is_room_for_and_tells_what_is_done(connect: Connect, client: Any) -> None:
    connection, taken = connect(), []
    for number in range(5):
        send(connection, id=number)
    turns(connection, lambda _, message: taken.append(message))()
    assert [message.headers["id"] for message in taken] == [0, 1, 2]
    assert len({message.delivery_tag for message in taken}) == 3
    assert held(client) == (3, 3)
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    taken[1].ack()
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
    assert [message.headers["id"] for message in taken[3:]] == [3]
    assert held(client) == (3, 3)
    taken[2].ack()
    taken[3].ack()
    assert [message.headers["id"] for message in taken[4:]] == [4]
    assert held(client) == (2, 2)
    assert lengths(client) == {}


def test_what_is_done_as_it_arrives_leaves_room_for_the_next(connect: Connect, client: Any) -> None:
    """Expired and revoked tasks are: however many there are, one follows the other."""
    connection, taken = connect(), []

    def finish(_: Any, message: Any) -> None:
        message.ack()
        taken.append(message.headers["id"])

    for number in range(1_500):
        send(connection, id=number)
    turns(connection, finish)()
    assert taken == list(range(1_500))
    assert held(client) == (0, 0)
    assert lengths(client) == {}


def test_what_was_done_as_the_connection_was_lost_is_told_by_the_next(
    connect: Connect, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged, and Redis could not be told. Promise: it is not done a second time."""
    connection, taken = connect(), []
    send(connection)
    turns(connection, lambda _, message: taken.append(message))()
    with monkeypatch.context() as patch:
        patch.setattr(Script, "__call__", disconnect)
        with pytest.raises(redis.ConnectionError):
            taken[0].ack()
        connection.collect()
    assert held(client) == (1, 1)
    connect().default_channel.qos.restore_visible(num=10, interval=1)
    assert held(client) == (0, 0)
    assert lengths(client) == {}


def disconnect(*_: Any, **__: Any) -> None:
    raise redis.ConnectionError


def test_what_a_turn_took_as_the_connection_was_lost_is_given_back(
    connect: Connect, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was held, but who holds it does not know. Promise: it does not wait for the visibility timeout."""
    connection = connect(visibility_timeout=3600)
    send(connection)
    send(connection)
    lose_what_is_held(connection, client, monkeypatch, 2, turns(connection, lambda *_: None))


def test_what_a_turn_took_beside_what_could_not_be_received_is_given_back(connect: Connect, client: Any) -> None:
    """The first cannot be received, so that the others of the turn do not arrive."""
    connection = connect(visibility_timeout=3600)
    for _ in range(3):
        send(connection)
    with pytest.raises(redis.ConnectionError):
        turns(connection, disconnect)()
    assert held(client) == (3, 3)
    connection.default_channel.qos.restore_visible(num=10, interval=1)
    # The first is in the consumer's hands.
    assert held(client) == (1, 1)
    assert lengths(client) == {DEFAULT: 2}


def test_a_full_redis_can_be_emptied(connect: Connect, client: Any) -> None:
    """It refuses what would make it fuller, and gives what it has."""
    connection, taken = connect(), []
    send(connection)
    turn = turns(connection, lambda _, message: taken.append(message))
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.OutOfMemoryError):
            send(connection)
        turn()
        taken[0].ack()
    finally:
        client.config_set("maxmemory", 0)
    assert held(client) == (0, 0)
    assert lengths(client) == {}


def test_the_bindings_are_not_asked_for_before_each_publish(connect: Connect, client: Any) -> None:
    def asked() -> int:
        return int(client.info("commandstats").get("cmdstat_smembers", {"calls": 0})["calls"])

    connection = connect()
    send(connection)
    before = asked()
    for _ in range(10):
        send(connection)
    assert asked() == before
    assert lengths(client) == {DEFAULT: 11}


def test_a_queue_that_is_bound_later_is_found(connect: Connect, client: Any) -> None:
    """That no queue took a message is not remembered."""
    connection = connect()
    send(connection, "later")
    later = Queue("later", Exchange(EXCHANGE, type="topic"), routing_key="later")
    later(connection.default_channel).declare()
    send(connection, "later")
    assert client.llen("later") == 1


def test_what_is_not_due_waits_and_then_takes_its_turn(connect: Connect, client: Any) -> None:
    connection = connect()
    soon, later = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (1, 3600))
    past = datetime.now(UTC) - timedelta(seconds=1)
    for name, eta in {"soon": soon, "later": later, "past": past}.items():
        send(connection, id=name, eta=eta.isoformat())
    assert client.zcard(f"{DEFAULT}:delayed") == 2
    assert take(connection).headers["id"] == "past"
    with connection.Consumer(QUEUES[DEFAULT], channel=connection.default_channel):

        def is_released() -> bool:
            connection.default_channel.release()
            return bool(lengths(client))

        wait_until(is_released, 30)
    assert datetime.now(UTC) >= soon
    assert take(connection).headers["id"] == "soon"
    assert client.zcard(f"{DEFAULT}:delayed") == 1


@pytest.mark.parametrize("eta", ["tomorrow", 17, None])
def test_an_eta_that_is_none_is_left_to_the_worker(connect: Connect, client: Any, eta: object) -> None:
    send(connect(), eta=eta)
    assert lengths(client) == {DEFAULT: 1}
