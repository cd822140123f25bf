"""The Celery app: the tasks of a group or chord are published together.

Celery's own waits for the broker after each: a fan-out of 1,000 tasks is 1,000 round trips, or a few here.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from celery import Celery
from kombu.exceptions import BatchPublishError  # type: ignore[attr-defined]

#: Messages that are sent together at most, and once more if the connection is lost meanwhile.
SIZE = 250


class App(Celery):
    """A Celery app whose producers collect what is published within one call."""

    def producer_or_acquire(self, producer: Any = None) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Return a context with a producer: the given one, or else a new `Batch`, which is sent at its end.

        A task acquires one when it is sent, and a group for all of its tasks.
        """
        return nullcontext(producer) if producer else self._batch()

    @contextmanager
    def _batch(self) -> Iterator["Batch"]:
        with super().producer_or_acquire() as producer:
            batch = Batch(producer)
            yield batch
            with producer.connection._reraise_as_library_errors():
                batch.flush()


class Batch:
    """A producer that collects messages. One alone is published as by any producer."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._messages: list[tuple[Any, dict[str, Any]]] = []

    @property
    def connection(self) -> Any:
        return self._producer.connection

    def revive(self, channel: Any) -> None:
        """Go on with another channel or connection, as `kombu.Producer.revive`."""
        self._producer.revive(channel)

    def publish(self, body: Any, **options: Any) -> None:
        """Collect a message, given as to `kombu.Producer.publish`.

        One without `retry` is published at once: whoever sends it heeds its failure, as Celery does for the next step
        of a chain.
        """
        if not options.get("retry"):
            self.flush()
            self._producer.publish(body, **options)
            return
        self._messages.append((body, options))
        if len(self._messages) == SIZE:
            self.flush()

    def flush(self) -> None:
        """Publish what was collected. Raises what `kombu.Producer.publish` raises; then any part may be published."""
        messages, self._messages = self._messages, []
        if not messages:
            return
        # The first alone: it connects, if need be again and again.
        (body, options), *others = messages
        self._producer.publish(body, **options)
        if not others:
            return
        self.connection.ensure(self._producer, self._send, **options["retry_policy"])(others)

    def _send(self, messages: list[tuple[Any, dict[str, Any]]]) -> None:
        try:
            with self._producer.batch():
                for body, options in messages:
                    self._producer.publish(body, **{**options, "retry": False})
        except BatchPublishError as error:
            raise error.__cause__ or error from None
