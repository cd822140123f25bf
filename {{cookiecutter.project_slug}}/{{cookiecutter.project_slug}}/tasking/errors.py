"""Two kinds of failure: one that may pass by itself, and one that will not."""

import kombu.exceptions
import redis.exceptions
from django.db import OperationalError


class TransientError(Exception):
    """It may work in a while: a service did not answer, a lock is held. The task is retried."""


class PermanentError(Exception):
    """It will fail each time: an unknown currency, a broken rule. The task is not retried."""


class OpenTransactionWarning(RuntimeWarning):
    """A task was sent in an open transaction, without waiting for the commit. In this project's tests, an error."""


#: What every task is retried for. Never `Exception`: a bug does not go away by itself, and a retry hides it.
TRANSIENT_ERRORS: tuple[type[Exception], ...] = (
    TransientError,
    ConnectionError,
    TimeoutError,
    OperationalError,
    kombu.exceptions.OperationalError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
