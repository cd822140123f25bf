"""A Redis that loses no message between the queue and the worker, and has dead letters as RabbitMQ has them.

kombu's own pops a message off its queue and notes in a second step that a worker holds it: what is popped for a worker
that dies then, or whose connection is half-open, is gone. Here it is moved to a second list, `QUEUE:taken`, in the same
step, and leaves that one in the transaction that notes it as held; what stays there is put back.

kombu's own also destroys a message that a worker rejects - an unknown task, an unreadable body - and delivers one that
kills its worker again for ever. Both end here in the list `dead_letter`, in the transaction that takes them off the
others. The headers are RabbitMQ's: `x-delivery-count`, and `x-death` with reason and queue.

And kombu's own hands a message with an ETA to a worker, which holds it until then: past the visibility timeout it is
delivered again, and again, and runs as often. Here it lies in the sorted set `QUEUE:delayed` until it is due, and is
then put on its queue, by whichever worker looks first; they do so each second.

It builds on internals of kombu 5.7, all of them methods of `QoS` and `Channel` in `kombu.transport.redis`. A queue is
one list, without priorities. Without the options for dead letters there are none.
"""

from datetime import UTC, datetime
from time import monotonic, time
from typing import Any, ClassVar

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid

#: Seconds that a message may lie among the taken ones, where it stays for a moment: one round trip.
GRACE = 5

#: Seconds for which the bindings of our exchange are remembered.
BINDINGS_AGE = 10

#: Puts back what lies in the list KEYS[1] for longer than ARGV[1] seconds, at the end of the list KEYS[2] that is read
#: next. Since when, is noted in the sorted set KEYS[3] when a message is first seen.
PUT_BACK = """
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
RELEASE = """
local now = redis.call('TIME')
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now[1] + now[2] / 1000000, 'LIMIT', 0, 1000)
for _, item in ipairs(due) do
    redis.call('ZREM', KEYS[1], item)
    redis.call('LPUSH', KEYS[2], item)
end
"""


#: The delivery tags of what this process held, or may have, when its connection was lost, and could not give back.
owed: set[str] = set()


class QoS(redis.QoS):  # type: ignore[misc]
    """The messages that a consumer holds."""

    #: Whether what is given back was held by a worker that died, not by one that stops in good order.
    is_worker_lost = False
    _put_back_at = float("-inf")

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message as held: from now on it is given back if its worker dies."""
        delivery = message.delivery_info
        held = dumps([message._raw, delivery["exchange"], delivery["routing_key"]])
        try:
            with self.pipe_or_acquire() as pipe:
                pipe.zadd(self.unacked_index_key, {delivery_tag: time()}).hset(self.unacked_key, delivery_tag, held)
                self.channel.leave_taken(pipe)
                pipe.execute()
        except self.channel.connection_errors:
            # The answer is lost: if it was noted, nobody here would know.
            owed.add(delivery_tag)
            raise
        virtual.QoS.append(self, message, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give a message back to its queue or, without `requeue`, put it among the dead letters."""
        if requeue or not self.channel.dead_letter_routing_key:
            super().reject(delivery_tag, requeue)
            return

        def bury(pipe: Any) -> None:
            held = pipe.hget(self.unacked_key, delivery_tag)
            pipe.multi()
            self._remove_from_indices(delivery_tag, pipe)
            if held:
                payload, _, routing_key = loads(bytes_to_str(held))
                self.channel.bury(payload, routing_key, "rejected", pipe)

        with self.channel.conn_or_acquire() as client:
            client.transaction(bury, self.unacked_key)
        virtual.QoS.ack(self, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Give back all that is held, as a channel closes; or, if Redis is away by then, when it is back.

        kombu's own would leave it to the visibility timeout: a restart of Redis would cost minutes, not seconds.
        """
        owed.update(self._delivered)
        self._delivered.clear()
        self._give_back_owed(client)

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Give back what is owed, what is held beyond the visibility timeout, and what was taken and never held."""
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

    #: The queue that is asked for a message, and that message from its arrival here until it is noted as held.
    _asked = ""
    _taken: bytes | None = None
    _released_at = float("-inf")

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

    def leave_taken(self, pipe: Any) -> None:
        """Have the message that has just been taken leave the list of those when the pipe is executed."""
        if self._taken is not None:
            pipe.lrem(taken_from(self._asked), 1, self._taken)
            self._taken = None

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
            item = client.lmove(queue, taken_from(queue), "RIGHT", "LEFT")
        payload = self._unpack(queue, item)
        if payload is None:
            raise virtual.base.Empty
        return payload

    def _brpop_start(self, timeout: float | None = None) -> None:
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
                item = self.client.parse_response(self.client.connection, "BLMOVE", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            queue = self._asked
            self._queue_cycle.rotate(queue)
            payload = self._unpack(queue, item)
            if payload is None:
                raise virtual.base.Empty
            self.connection._deliver(payload, queue)
            self._drop_taken()
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _unpack(self, queue: str, item: bytes | None) -> dict[str, Any] | None:
        """Return the message of an item that has just been taken; None if there is none, or if it is no message."""
        self._asked, self._taken = queue, item
        if item is None:
            return None
        try:
            payload: dict[str, Any] = loads(bytes_to_str(item))
            payload["properties"]["delivery_tag"]
        except (ValueError, TypeError, KeyError):
            # Put there by hand. It would come back for ever, each time in the way of others.
            payload = {"body": item.decode("utf-8", "backslashreplace"), "properties": {"delivery_tag": uuid()}}
            with self.conn_or_acquire() as client, client.pipeline() as pipe:
                self.leave_taken(pipe)
                self.bury(payload, queue, "rejected", pipe)
                pipe.execute()
            return None
        return payload

    def _drop_taken(self) -> None:
        """Forget what was taken and need not be held, since its reader acknowledges nothing."""
        if self._taken is not None:
            with self.conn_or_acquire() as client:
                self.leave_taken(client)

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


def taken_from(queue: str) -> str:
    """Return the list of what has been taken from a queue and is not yet noted as held."""
    return f"{queue}:taken"


def delayed_for(queue: str) -> str:
    """Return the sorted set of what is to be put on a queue later, by its time in seconds since the epoch."""
    return f"{queue}:delayed"


def _due(message: dict[str, Any]) -> float | None:
    """Return when a message is due, in seconds since the epoch; None if that is now, or if it makes no sense."""
    try:
        moment = datetime.fromisoformat(message["headers"]["eta"])
    except (KeyError, TypeError, ValueError):
        return None
    due = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return due if due > time() else None
