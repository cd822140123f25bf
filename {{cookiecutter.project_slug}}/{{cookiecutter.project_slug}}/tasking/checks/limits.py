"""How long a broker waits for a worker, as far as the settings tell."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

#: Seconds after which RabbitMQ takes a message back and closes the channel, unless it is told otherwise.
CONSUMER_TIMEOUT = 1_800
#: Seconds of kombu's Redis, unless it is told otherwise.
VISIBILITY_TIMEOUT = 3_600


class Wait(NamedTuple):
    """How long, in seconds, and what it is called."""

    seconds: float
    name: str


def longest_wait(conf: Any) -> Wait | None:
    """Return how long the broker waits for the acknowledgement of a message; None for a broker of another kind."""
    match urlsplit(conf.broker_read_url or conf.broker_url or "").scheme:
        case "redis" | "rediss":
            seconds = conf.broker_transport_options.get("visibility_timeout", VISIBILITY_TIMEOUT)
            return Wait(seconds, "visibility_timeout")
        case "amqp" | "amqps" | "pyamqp":
            return Wait(CONSUMER_TIMEOUT, "RabbitMQ's consumer_timeout, unless you raised it")
    return None
