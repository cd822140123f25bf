"""Beat, of which several may run: one leads, the others stand by.

RedBeat keeps the schedule in Redis, and a lock that only the leader holds. Here the wait for that lock, for Redis and
for the broker is part of the loop, so that a beat in waiting beats too, and none ends because one of them does.
"""

import logging
from typing import Any

import kombu.exceptions
import redis.exceptions
from celery.signals import beat_init
from redbeat import schedulers

from . import health

logger = logging.getLogger(__name__)

# RedBeat's own way takes the lock once, before the first tick, and blocks until it has it.
beat_init.disconnect(schedulers.acquire_distributed_beat_lock)

UNREACHABLE = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


class Scheduler(schedulers.RedBeatScheduler):  # type: ignore[misc]
    """Sends what is due while it holds the lock, which it renews with each tick.

    The lock outlives its holder by `lock_timeout`, five times the longest sleep; the others look for it once a sleep.
    So a dead leader is replaced after six sleeps at most: 30 s with a sleep of 5 s.
    """

    lock: Any = None
    #: Told to end. The SystemExit that says so may be swallowed by whatever it interrupted; then it is raised again.
    is_closed = False

    def setup_schedule(self) -> None:
        """Leave the schedule in Redis as it is: the leader writes it, when it becomes that."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due, if this is the leader. Return how many seconds to sleep. A lost lock makes a standby."""
        self._end_if_closed()
        try:
            if self.lock is None and not self._take_lock():
                return self._rest(health.STANDBY)
            seconds: float = super().tick(*args, **kwargs)
        except redis.exceptions.LockError:
            # This process slept through the lock's end: by now another may lead.
            logger.warning("the lock was lost: standing by")
            self.lock = None
            return self._rest(health.STANDBY)
        except UNREACHABLE as error:
            logger.warning("Redis does not answer, nothing is sent: %s", error)
            return self._rest(health.CUT_OFF)
        except kombu.exceptions.OperationalError as error:
            logger.warning("the broker does not answer, nothing is sent: %s", error)
            return self._rest(health.WAITING)
        self._beat(health.LEADING)
        return seconds

    def maybe_due(self, entry: Any, **kwargs: Any) -> Any:
        """Send an entry if it is due, and if the lock is still ours: sending the one before may have taken long."""
        self._end_if_closed()
        self.lock.extend(int(self.lock_timeout))
        self._beat(health.LEADING)
        return super().maybe_due(entry, **kwargs)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        """Send an entry, then note that it was sent: what the broker did not take stays due, late instead of lost."""
        result = super().apply_async(entry, producer=producer, advance=False, **kwargs)
        if advance:
            self.reserve(entry)
        return result

    def _ensure_connected(self) -> Any:
        # Celery's own tries for ever, here: the lock would end meanwhile.
        return self.connection.ensure_connection(max_retries=1)

    def close(self) -> None:
        """Give the lock to the next, which leads within one sleep."""
        self.is_closed = True
        try:
            super().close()
        except (*UNREACHABLE, redis.exceptions.LockError) as error:
            logger.warning("the lock was not released, it ends by itself: %s", error)

    def _end_if_closed(self) -> None:
        if self.is_closed:
            raise SystemExit

    def _take_lock(self) -> bool:
        client = schedulers.get_redis(self.app)
        lock = client.lock(self.lock_key, timeout=self.lock_timeout)
        if not lock.acquire(blocking=False):
            return False
        # Extend to the full time, where redis-py would add it to what is left.
        lock.lua_extend = client.register_script(schedulers.LUA_EXTEND_TO_SCRIPT)
        # Entries that are new in the code are added, those that are gone from it are removed.
        super().setup_schedule()
        self.lock = lock
        logger.info("leading: the lock is ours")
        return True

    def _rest(self, state: str) -> float:
        self._beat(state)
        return float(self.max_interval)

    def _beat(self, state: str) -> None:
        try:
            health.write(health.BEAT, state)
        except OSError:
            # Work matters more than its proof; the probe will tell.
            logger.exception("heartbeat not written")
