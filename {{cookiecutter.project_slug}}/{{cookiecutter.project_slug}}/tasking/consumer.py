"""The part of a worker that reads its queue, with a heartbeat from its own event loop."""

import logging
from typing import Any

from celery.worker import consumer
from celery.worker.state import maybe_shutdown

from . import health

logger = logging.getLogger(__name__)


class Consumer(consumer.Consumer):
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
