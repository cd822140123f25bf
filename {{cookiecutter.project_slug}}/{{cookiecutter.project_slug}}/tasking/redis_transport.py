"""A Redis that has dead letters, as RabbitMQ has them: what is rejected is kept, what is poison is set aside.

kombu's own destroys a message that a worker rejects - an unknown task, an unreadable body - and delivers one that kills
its worker again for ever. Both end here in the list `dead_letter`, in the transaction that takes them off the others.
The headers are RabbitMQ's: `x-delivery-count`, and `x-death` with reason and queue.

It builds on internals of kombu 5.7: `QoS.reject`, `QoS.restore_visible`, `Channel._do_restore_message`. Without the
options, it is kombu's own.
"""

from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads


class QoS(redis.QoS):  # type: ignore[misc]
    """The messages that a consumer holds."""

    #: Whether what is given back was held by a worker that died, not by one that stops in good order.
    is_worker_lost = False

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

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Give back what is held for longer than the visibility timeout: its worker is dead."""
        self.is_worker_lost = True
        try:
            super().restore_visible(*args, **kwargs)
        finally:
            self.is_worker_lost = False


class Channel(redis.Channel):  # type: ignore[misc]
    """A channel with a delivery limit and a dead-letter exchange."""

    QoS = QoS

    delivery_limit = 0
    dead_letter_exchange = ""
    dead_letter_routing_key = ""
    from_transport_options = (
        *redis.Channel.from_transport_options,
        "delivery_limit",
        "dead_letter_exchange",
        "dead_letter_routing_key",
    )

    def prepare_message(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return a message to publish. A retry is given the headers of what it retries; the count is not its own."""
        message: dict[str, Any] = super().prepare_message(*args, **kwargs)
        message["headers"] = {name: value for name, value in message["headers"].items() if name != "x-delivery-count"}
        return message

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
