"""One at a time, by a lock in Redis. This is NOT once.

A lock keeps two tasks from doing the same work side by side: for courtesy to a service, or to spare double effort. It
expires, it is gone with its Redis, and the second task does the work again after the first. What must happen only once
takes `idempotency.first_time`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from celery.utils.log import get_task_logger
from django.conf import settings
from redis.exceptions import LockNotOwnedError

from .errors import TransientError

logger = get_task_logger(__name__)


@contextmanager
def one_at_a_time(name: str, timeout: float) -> Iterator[None]:
    """Hold the lock of this name, for `timeout` seconds at most: longer than the hard time limit of the task.

    Raises TransientError if another holds it, so that the task is retried, and redis-py's errors without a Redis.
    """
    redbeat = settings.REDBEAT  # the same Redis, and the same care with its connection
    with redis.Redis.from_url(redbeat["redbeat_redis_url"], **redbeat["redbeat_redis_options"]) as client:
        lock = client.lock(f"{settings.PACKAGE}:lock:{name}", timeout=timeout, blocking=False)
        if not lock.acquire():
            msg = f"{name}: another task is at it"
            raise TransientError(msg)
        try:
            yield
        finally:
            try:
                lock.release()
            except LockNotOwnedError:
                logger.warning("lock outlived", extra={"lock": name, "timeout_seconds": timeout})
