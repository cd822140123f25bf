"""The part of a worker that reads its queue: with a heartbeat, and with care for messages that it cannot use."""

import logging
from typing import Any

from amqp.exceptions import PreconditionFailed
from celery.exceptions import NotRegistered
from celery.worker import consumer
from celery.worker.state import maybe_shutdown
from kombu import Message

from . import health
from .queues import QUEUES, queue_of
from .request import context_of
from .topology import declare_queues

logger = logging.getLogger(__name__)


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Beats from the event loop that receives messages and acknowledges them, and while it tries to reach the broker.

    Not from a thread or a child process: those go on when this loop is stuck. Only the prefork pool has such a loop;
    under another pool there is no heartbeat, so that a probe fails rather than lies.
    """

    def register_with_event_loop(self, hub: Any) -> None:
        """Start the heartbeat. Called after each connection; Celery drops the timer when that connection is lost.

        In a warm shutdown the loop goes on until the last task is done, and so does the heartbeat.
        """
        super().register_with_event_loop(hub)
        self._beat(health.CONSUMING)
        hub.timer.call_repeatedly(health.INTERVAL, self._beat, (health.CONSUMING,))

    def connect(self) -> Any:
        """Return the connection to the broker, on which all queues are declared.

        All, because RabbitMQ's delayed delivery binds those too whose workers have not started yet.
        """
        connection = super().connect()
        try:
            declare_queues(self.app, connection)
        except PreconditionFailed as error:
            logger.critical("a queue exists with other arguments: restore them, or rename it. %s", error)
            raise
        return connection

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Reject the message, so that the broker puts it among the dead letters, and tell who waits for the task.

        Celery's own tells neither the chord nor the errbacks, and ends the worker if the message is unreadable besides.
        """
        try:
            request = context_of(message)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            self.on_decode_error(message, error)
            return
        super().on_unknown_task(body, message, exc)
        self.app.backend.mark_as_failure(
            str(request.id), NotRegistered(request.task), request=request, store_result=False
        )

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Reject an unreadable message, so that the broker puts it among the dead letters; Celery's own destroys it."""
        if queue_of(message.delivery_info.get("routing_key")) not in QUEUES:  # a remote control command
            super().on_decode_error(message, exc)
            return
        logger.critical("unreadable message: %r", exc, extra={"headers": message.headers})
        message.reject_log_error(logger, self.connection_errors)

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection when the broker answers, for as long as that takes.

        An outage of the broker must not make every worker be restarted: the wait counts as life.
        """

        def alive() -> None:
            maybe_shutdown()
            self._beat(health.WAITING)

        def tell(error: Exception, seconds: float) -> None:
            logger.error("no connection to %s: %s. Next try in %g s", conn.as_uri(), error, seconds)

        conn.ensure_connection(tell, self.app.conf.broker_connection_max_retries, callback=alive)
        return super().ensure_connected(conn)

    def _beat(self, state: str) -> None:
        queue = str(self.hostname).partition("@")[0]
        try:
            health.write(health.worker(queue), state)
        except OSError:
            # Work matters more than its proof; the probe will tell.
            logger.exception("heartbeat not written")
