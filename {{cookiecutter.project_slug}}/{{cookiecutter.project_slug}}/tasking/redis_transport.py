"""A Redis that loses no message between the queue and the worker, and has dead letters as RabbitMQ has them.

kombu's own pops a message off its queue and notes in a second step that a worker holds it: what is popped for a worker
that dies then, or whose connection is half-open, is gone. Here a worker takes messages and has them noted as held in
one step, in which it also tells what is done: its turn, one round trip where kombu needs three for each message. A
message for which it has to wait is moved to a second list, `QUEUE:taken`, as it arrives, and leaves that one in the
step that notes it as held; what stays there is put back.

kombu's own also destroys a message that a worker rejects - an unknown task, an unreadable body - and delivers one that
kills its worker again for ever. Both end here in the list `dead_letter`, in the transaction that takes them off what is
held. The headers are RabbitMQ's: `x-delivery-count`, and `x-death` with reason and queue.

And kombu's own hands a message with an ETA to a worker, which holds it until then: past the visibility timeout it is
delivered again, and again, and runs as often. Here it lies in the sorted set `QUEUE:delayed` until it is due, and is
then put on its queue, by whichever worker looks first; they do so each second.

It builds on internals of kombu 5.7, all of them methods of `QoS` and `Channel` in `kombu.transport.redis`. A queue is
one list, without priorities. Without the options for dead letters there are none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any, ClassVar

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid
from redis.exceptions import OutOfMemoryError

#: Seconds that a message may lie among the taken ones, where it stays for a moment: one round trip.
GRACE = 5

#: Messages that are taken in one turn at most.
MOST = 100

#: Seconds for which the bindings of our exchange are remembered.
BINDINGS_AGE = 10

#: One turn of a consumer. What is done - ARGV[4] tags, from ARGV[5] on - leaves what is held: the sorted set KEYS[1] of
#: times and the hash KEYS[2] of messages. Under each tag after those an item joins it, with the time ARGV[1] and the
#: end ARGV[2]: ARGV[3] from the list of the taken KEYS[4] or, if that is empty, the next of the queue KEYS[3]; returns
#: those. Redis runs it, and the two below, though it be full: how else would it empty?
TURN = """#!lua flags=allow-oom
local tag = 5 + ARGV[4]
for index = 5, tag - 1 do
    redis.call('ZREM', KEYS[1], ARGV[index])
    redis.call('HDEL', KEYS[2], ARGV[index])
end
local function hold(item)
    redis.call('HSET', KEYS[2], ARGV[tag], '[' .. item .. ARGV[2])
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[tag])
    tag = tag + 1
end
if ARGV[3] ~= '' then
    hold(ARGV[3])
    redis.call('LREM', KEYS[4], 1, ARGV[3])
    return {}
end
local items = {}
for _ = tag, #ARGV do
    local item = redis.call('LINDEX', KEYS[3], -1)
    if not item then
        break
    end
    hold(item)
    redis.call('RPOP', KEYS[3])
    table.insert(items, item)
end
return items
"""

#: Puts back what lies in the list KEYS[1] for longer than ARGV[1] seconds, at the end of the list KEYS[2] that is read
#: next. Since when, is noted in the sorted set KEYS[3] when a message is first seen.
PUT_BACK = """#!lua flags=allow-oom
local now = tonumber(redis.call('TIME')[1])
local waiting = {}
for _, item in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    local since = tonumber(redis.call('ZSCORE', KEYS[3], item) or now)
    if now - since >= tonumber(ARGV[1]) then
        redis.call('LREM', KEYS[1], 1, item)
        redis.call('RPUSH', KEYS[2], item)
    else
        table.insert(waiting, since)
        table.insert(waiting, item)
    end
end
redis.call('DEL', KEYS[3])
if #waiting > 0 then
    redis.call('ZADD', KEYS[3], unpack(waiting))
end
"""

#: Moves what is due in the sorted set KEYS[1] to the list KEYS[2], at the end of those that wait; a thousand at most.
RELEASE = """#!lua flags=allow-oom
local now = redis.call('TIME')
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now[1] + now[2] / 1000000, 'LIMIT', 0, 1000)
for _, item in ipairs(due) do
    redis.call('ZREM', KEYS[1], item)
    redis.call('LPUSH', KEYS[2], item)
end
"""


#: The delivery tags of what this process has acknowledged, and not yet told Redis.
done: set[str] = set()

#: The delivery tags of what this process holds, or may hold, and no consumer here has: to be given back.
owed: set[str] = set()


class QoS(redis.QoS):  # type: ignore[misc]
    """The messages that a consumer holds."""

    #: Whether what is given back was held by a worker that died, not by one that stops in good order.
    is_worker_lost = False
    _put_back_at = float("-inf")

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message as held: from now on it is given back if its worker dies."""
        self.channel.hold(delivery_tag)
        virtual.QoS.append(self, message, delivery_tag)
        owed.discard(delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, which is what a turn begins with."""
        virtual.QoS.ack(self, delivery_tag)
        done.add(delivery_tag)
        self.channel.take_turn()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give a message back to its queue or, without `requeue`, put it among the dead letters."""
        if requeue or not self.channel.dead_letter_routing_key:
            super().reject(delivery_tag, requeue)
            return

        def bury(payload: dict[str, Any], _: str, routing_key: str, pipe: Any) -> None:
            self.channel.bury(payload, routing_key, "rejected", pipe)

        self._let_go(delivery_tag, bury)
        virtual.QoS.ack(self, delivery_tag)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Give a message back to its queue, if it is held."""

        def restore(*held: Any) -> None:
            self.channel._do_restore_message(*held, leftmost)

        self._let_go(tag, restore, client)

    def _let_go(self, tag: str, put: Callable[..., None], client: Any = None) -> None:
        """Have a message put elsewhere, in the transaction that ends its being held; nothing, if it is not held."""

        def move(pipe: Any) -> None:
            held = pipe.hget(self.unacked_key, tag)
            pipe.multi()
            self._remove_from_indices(tag, pipe)
            if held:
                put(*_read_held(held), pipe)

        with self.channel.conn_or_acquire(client) as connected:
            connected.transaction(move, self.unacked_key)

    def restore_unacked(self, client: Any = None) -> None:
        """Give back all that is held, as a channel closes; or, if Redis is away by then, when it is back.

        kombu's own would leave it to the visibility timeout: a restart of Redis would cost minutes, not seconds.
        """
        owed.update(self._delivered)
        self._delivered.clear()
        self._give_back_owed(client)

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Tell what could not be told; give back what is owed, what is held too long, what was taken and not held."""
        if done:
            self.channel.turn()
        if owed:
            self._give_back_owed()
        self.is_worker_lost = True
        try:
            super().restore_visible(*args, **kwargs)
        finally:
            self.is_worker_lost = False
        if monotonic() - self._put_back_at >= self.channel.unacked_restore_interval:
            self._put_back_at = monotonic()
            self.channel.put_back()

    def _give_back_owed(self, client: Any = None) -> None:
        with self.channel.conn_or_acquire(client) as connected:
            for tag in list(owed):
                self.restore_by_tag(tag, connected)
                owed.discard(tag)


class Channel(redis.Channel):  # type: ignore[misc]
    """A channel that takes messages without a gap, with a delivery limit and a dead-letter exchange."""

    QoS = QoS

    #: BLMOVE, which takes from one list, has no second one for other priorities.
    priority_steps: ClassVar = [0]
    delivery_limit = 0
    dead_letter_exchange = ""
    dead_letter_routing_key = ""
    from_transport_options = (
        *redis.Channel.from_transport_options,
        "delivery_limit",
        "dead_letter_exchange",
        "dead_letter_routing_key",
    )

    #: The queue that is asked for a message, and what came of it from its arrival here until it is noted as held.
    _asked = ""
    _taken: bytes | None = None
    _released_at = _waits_from = float("-inf")
    _one_client: Any = None
    _is_in_turn = False
    _turn: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: The queues that a routing key of our exchange leads to, and until when that is believed.
        self._routes: dict[str, tuple[float, list[str]]] = {}

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        """Return the queues that a message goes to.

        Asking Redis for the bindings before each publish, as kombu does, halves how many there are in a second. Those
        of our exchange are remembered for a while, and never that there are none.
        """
        if exchange != self.dead_letter_exchange or not exchange:
            return list(super()._lookup(exchange, routing_key, default))
        until, queues = self._routes.get(routing_key, (0.0, []))
        if monotonic() > until:
            queues = list(super()._lookup(exchange, routing_key, default))
            if queues:
                self._routes[routing_key] = (monotonic() + BINDINGS_AGE, queues)
        return queues

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield a client of the pool: always the same one. To make one, as kombu does each time, takes long."""
        if client is None:
            if self._one_client is None or self._one_client.connection_pool is not self.pool:
                self._one_client = self._create_client()
            client = self._one_client
        yield client

    def take_turn(self) -> None:
        """Tell Redis what is done and, in a worker, take as many messages as there is room for, in one round trip.

        Those are held as they are taken. Only where nothing waits, `_brpop_start` does, for the next to arrive.
        """
        if self._is_in_turn:
            return  # what is done as it arrives is told below
        self._is_in_turn = True
        try:
            while self._take() or done:
                pass
        finally:
            self._is_in_turn = False

    def _take(self) -> bool:
        """Take messages, if there is room, and hand them to the consumer; return whether there is more of both."""
        queue = next(iter(self._queue_cycle.consume(1)), "")
        room = 0
        if queue and self.connection.is_in_loop and not self._in_poll:
            room = min(self.qos.can_consume_max_estimate() or 0, MOST)
        tags = [uuid() for _ in range(room)]
        # Until each is in the consumer's hands: the answer may be lost, or what it does with one fail.
        owed.update(tags)
        items = self.turn(tags, queue)
        owed.difference_update(tags[len(items) :])
        self._queue_cycle.rotate(queue)
        for tag, item in zip(tags, items, strict=False):
            self.connection._deliver(_read(item, queue, tag), queue)
        return bool(room) and len(items) == room and self.qos.can_consume()

    def turn(self, tags: Sequence[str] = (), queue: str = "", taken: bytes = b"") -> list[bytes]:
        """Tell what is done; return items of a queue, held under the tags. There may be fewer than tags.

        Or the one tag is for an item that is among the taken ones.
        """
        told = list(done)
        keys = [self.unacked_index_key, self.unacked_key, queue, taken_from(queue)]
        with self.conn_or_acquire() as client:
            self._turn = self._turn or client.register_script(TURN)
            arguments = [time(), f',"",{dumps(queue)}]', taken, len(told), *told, *tags]
            items: list[bytes] = self._turn(keys, arguments, client)
        done.difference_update(told)
        return items

    def hold(self, tag: str) -> None:
        """Note the message as held that has just been taken, if it has not been as it was."""
        item, self._taken = self._taken, None
        if item is None:
            return
        try:
            self.turn([tag], self._asked, item)
        except self.connection_errors:
            # The answer is lost: if it was noted, nobody here would know.
            owed.add(tag)
            raise

    def put_back(self) -> None:
        """Put back what was taken and never held: it was for a worker that died, or did not get it."""
        with self.conn_or_acquire() as client:
            script = client.register_script(PUT_BACK)
            for queue in filter(None, {*self.active_queues, self.dead_letter_routing_key}):
                taken = taken_from(queue)
                script(keys=[taken, queue, f"{taken}_since"], args=[GRACE])

    def release(self) -> None:
        """Put what is due by now on the queues that are read here."""
        with self.conn_or_acquire() as client:
            script = client.register_script(RELEASE)
            for queue in self.active_queues:
                script(keys=[delayed_for(queue), queue])

    def maybe_refresh_binding_expiry(self) -> None:
        """Do what is to be done each second."""
        super().maybe_refresh_binding_expiry()
        if monotonic() - self._released_at >= 1:
            self._released_at = monotonic()
            self.release()

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        due = _due(message)
        if due is None:
            super()._put(queue, message, **kwargs)
            return
        delayed = {dumps(message): due}
        if batch := kwargs.get("_publish_batch"):
            batch.add("zadd", delayed_for(queue), delayed)
            return
        with self.conn_or_acquire() as client:
            client.zadd(delayed_for(queue), delayed)

    def bury(self, payload: dict[str, Any], routing_key: str, reason: str, pipe: Any) -> None:
        """Have a message put among the dead letters when the pipe is executed."""
        payload["headers"] = {**(payload.get("headers") or {}), "x-death": [{"reason": reason, "queue": routing_key}]}
        # Where it goes if whoever reads the dead letters gives it back.
        payload["properties"]["delivery_info"] = {
            "exchange": self.dead_letter_exchange,
            "routing_key": self.dead_letter_routing_key,
        }
        key = self.dead_letter_routing_key
        # Nothing is bound if somebody has emptied the database: then the list of that name.
        for queue in self._lookup(self.dead_letter_exchange, key) or [key]:
            pipe.lpush(queue, dumps(payload))

    def prepare_message(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return a message to publish. A retry is given the headers of what it retries; the count is not its own."""
        message: dict[str, Any] = super().prepare_message(*args, **kwargs)
        message["headers"] = {name: value for name, value in message["headers"].items() if name != "x-delivery-count"}
        return message

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        """Return the next message of a queue, or None."""
        message = super().basic_get(queue, no_ack, **kwargs)
        self._drop_taken()
        return message

    def _get(self, queue: str) -> dict[str, Any]:
        with self.conn_or_acquire() as client:
            self._asked, self._taken = queue, client.lmove(queue, taken_from(queue), "RIGHT", "LEFT")
        if self._taken is None:
            raise virtual.base.Empty
        return _read(self._taken, queue, uuid())

    def _brpop_start(self, timeout: float | None = None) -> None:
        if monotonic() < self._waits_from:
            return
        # Of several queues each has its turn; a worker of this project reads one.
        for queue in self._queue_cycle.consume(1):
            self._asked = queue
            self._in_poll = self.client.connection
            self._brpop_sent_at = monotonic()
            wait = timeout or self.brpop_timeout
            self.client.connection.send_command("BLMOVE", queue, taken_from(queue), "RIGHT", "LEFT", wait)

    def _brpop_read(self, **options: Any) -> bool:
        try:
            try:
                self._taken = self.client.parse_response(self.client.connection, "BLMOVE", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            except OutOfMemoryError:
                # A full Redis has nobody wait. It does give what it has.
                if not self.connection.is_in_loop:
                    raise
                self._in_poll, self._waits_from = None, monotonic() + 1
                self.take_turn()
                raise virtual.base.Empty from None
            queue = self._asked
            self._queue_cycle.rotate(queue)
            if self._taken is None:
                raise virtual.base.Empty
            self.connection._deliver(_read(self._taken, queue, uuid()), queue)
            self._drop_taken()
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _drop_taken(self) -> None:
        """Forget what was taken and need not be held, since its reader acknowledges nothing."""
        item, self._taken = self._taken, None
        if item is not None:
            with self.conn_or_acquire() as client:
                client.lrem(taken_from(self._asked), 1, item)

    def _do_restore_message(
        self, payload: dict[str, Any], exchange: str, routing_key: str, pipe: Any, leftmost: bool = False
    ) -> None:
        # A dead letter comes back as often as its readers die: there is no place behind this one.
        has_limit = self.delivery_limit and self.dead_letter_routing_key not in {"", routing_key}
        if self.qos.is_worker_lost and has_limit:
            headers = payload["headers"] = payload.get("headers") or {}
            headers["x-delivery-count"] = headers.get("x-delivery-count", 0) + 1
            if headers["x-delivery-count"] > self.delivery_limit:
                self.bury(payload, routing_key, "delivery_limit", pipe)
                return
        super()._do_restore_message(payload, exchange, routing_key, pipe, leftmost)


class Transport(redis.Transport):  # type: ignore[misc]
    """Redis as a broker."""

    Channel = Channel

    #: Whether a worker's event loop looks after the connection.
    is_in_loop = False

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Have a worker's event loop look after the connection."""
        self.is_in_loop = True
        super().register_with_event_loop(connection, loop)


def taken_from(queue: str) -> str:
    """Return the list of what has been taken from a queue and is not yet noted as held."""
    return f"{queue}:taken"


def delayed_for(queue: str) -> str:
    """Return the sorted set of what is to be put on a queue later, by its time in seconds since the epoch."""
    return f"{queue}:delayed"


def _read(item: bytes, queue: str, tag: str) -> dict[str, Any]:
    """Return the message of an item, under a delivery tag of its own: as in AMQP, one for each delivery.

    Of what somebody has put there by hand and is none, a message with that as its body, which no worker knows what to
    do with.
    """
    try:
        payload: dict[str, Any] = loads(bytes_to_str(item))
        payload["properties"]["delivery_tag"] = tag
    except (ValueError, TypeError, KeyError, RecursionError):
        delivery = {"exchange": "", "routing_key": queue}
        properties = {"delivery_tag": tag, "delivery_info": delivery}
        return {"body": item.decode("utf-8", "backslashreplace"), "headers": {}, "properties": properties}
    return payload


def _read_held(held: bytes) -> tuple[dict[str, Any], str, str]:
    """Return a message that is held, and exchange and routing key to give it back with."""
    item, _, queue = held[1:-1].rpartition(b',"",')
    if not item:  # kombu's own, which also names an exchange
        payload, exchange, routing_key = loads(bytes_to_str(held))
        return payload, exchange, routing_key
    queue = loads(bytes_to_str(queue))
    return _read(item, queue, uuid()), "", queue


def _due(message: dict[str, Any]) -> float | None:
    """Return when a message is due, in seconds since the epoch; None if that is now, or if it makes no sense."""
    try:
        moment = datetime.fromisoformat(message["headers"]["eta"])
    except (KeyError, TypeError, ValueError):
        return None
    due = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return due if due > time() else None
