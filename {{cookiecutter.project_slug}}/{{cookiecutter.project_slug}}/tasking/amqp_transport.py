"""RabbitMQ with batches: messages that are published one after the other, and confirmed together.

kombu waits for the confirm of each message before it publishes the next. For `Producer.batch` it asks the channel for a
batch, as only that for Redis has one; this is one for RabbitMQ. It builds on `_basic_publish` of py-amqp 5.4.
"""

from contextlib import suppress
from typing import Any

from amqp.exceptions import AMQPError, MessageNacked
from kombu.transport import pyamqp


class Batch:
    """Messages on their way: a batch of kombu's, see `kombu.messaging.Producer.batch`."""

    def __init__(self, channel: Any, max_size: int) -> None:
        self.channel, self.max_size = channel, max_size
        #: The delivery tags of what is not confirmed yet, in the order of their publication.
        self._unconfirmed: dict[int, None] = {}
        self._is_refused = False
        channel.events["basic_ack"].add(self._confirmed)
        channel.events["basic_nack"].add(self._refused)

    def publish(self, message: Any, **options: Any) -> None:
        """Publish a message; wait for confirms only if too many are missing."""
        if not self.channel.connection.confirm_publish:
            self.channel._basic_publish(message, **options)
            return
        if len(self._unconfirmed) >= self.max_size:
            self.flush()
        self.channel.select_confirms()
        self._unconfirmed[self.channel.published + 1] = None
        self.channel._basic_publish(message, **options)

    def flush(self) -> None:
        """Wait until all that was published is confirmed. Raises MessageNacked, and what py-amqp raises."""
        while self._unconfirmed:
            self.channel.connection.drain_events()
        if self._is_refused:
            raise MessageNacked

    def discard(self) -> None:
        """Wait as well: what is on its way cannot be called back, nor may its confirms be taken for those of others."""
        with suppress(AMQPError, MessageNacked, OSError):
            self.flush()

    def close(self) -> None:
        """Listen no more."""
        self.channel.events["basic_ack"].discard(self._confirmed)
        self.channel.events["basic_nack"].discard(self._refused)

    def _confirmed(self, delivery_tag: int, multiple: bool) -> None:
        if not multiple:
            self._unconfirmed.pop(delivery_tag, None)
            return
        for tag in list(self._unconfirmed):
            if tag > delivery_tag:
                break
            del self._unconfirmed[tag]

    def _refused(self, delivery_tag: int, multiple: bool, *_: Any) -> None:
        self._is_refused = True
        self._confirmed(delivery_tag, multiple)


class Channel(pyamqp.Channel):  # type: ignore[misc]
    """A channel that can publish in batches."""

    #: How many messages were published since confirms were switched on: the delivery tag of the last.
    published = 0
    _confirm_selected: bool

    def select_confirms(self) -> None:
        """Have the broker confirm what is published from now on."""
        if not self._confirm_selected:
            self._confirm_selected = True
            self.confirm_select()

    def create_publish_batch(self, max_size: int) -> Batch:
        """Return a batch, for `Producer.batch`."""
        return Batch(self, max_size)

    def _basic_publish(self, *args: Any, **kwargs: Any) -> Any:
        self.published += self._confirm_selected
        return super()._basic_publish(*args, **kwargs)


class Connection(pyamqp.Connection):  # type: ignore[misc]
    """A connection with such channels."""

    Channel = Channel


class Transport(pyamqp.Transport):  # type: ignore[misc]
    """RabbitMQ as a broker."""

    Connection = Connection


class SSLTransport(pyamqp.SSLTransport):  # type: ignore[misc]
    """RabbitMQ as a broker, by TLS."""

    Connection = Connection
