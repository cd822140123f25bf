"""What can be broken, and what is just now: keys in Redis, which web and workers share, and which expire."""

from dataclasses import dataclass
from functools import cache

import redis
from django.conf import settings

from ..models import ExchangeRate

#: Of a poison that no chunk has taken yet.
NEXT_CHUNK = "next"


@dataclass(frozen=True)
class Experiment:
    """A button: what it is called, what one will see, and after how many seconds it is over at the latest."""

    name: str
    label: str
    effect: str
    seconds: int
    can_be_ended: bool = True

    @property
    def key(self) -> str:
        """Its key in Redis, which is there while it is on."""
        return f"{settings.PACKAGE}:chaos:{self.name}"

    def is_on(self) -> bool:
        """Whether it is on."""
        return bool(client().exists(self.key))

    def left(self) -> int | None:
        """Return for how many seconds more it is on; None if it is not."""
        seconds = client().ttl(self.key)
        return seconds if seconds >= 0 else None

    def begin(self) -> None:
        """Begin it. Raises redis-py's errors."""
        if self is RATES:  # what is known would not be asked for
            ExchangeRate.objects.all().delete()
        client().set(self.key, NEXT_CHUNK, ex=self.seconds)

    def end(self) -> None:
        """End it before its time. Raises redis-py's errors."""
        client().delete(self.key)


KILL = Experiment(
    name="kill",
    label="Kill a worker's process",
    effect="The process that begins the next chunk gets a kill -9. The chunk is tried again by another one.",
    seconds=60,
)
POISON = Experiment(
    name="poison",
    label="Poison a chunk",
    effect="The next chunk kills every process that begins it. When its retries are spent, the import stops: "
    "end this then, and retry what failed.",
    seconds=600,
)
RATES = Experiment(
    name="rates",
    label="Take the rates service away",
    effect="The exchange rates are forgotten, and who asks for them gets no answer. They are asked for again, "
    "each time later.",
    seconds=20,
)
BROKER = Experiment(
    name="broker",
    label="Stop the broker",
    effect="For ten seconds no message gets through. What is at work goes on, and afterwards everything does.",
    seconds=10,
    can_be_ended=False,
)
EXPERIMENTS = {experiment.name: experiment for experiment in (KILL, POISON, RATES, BROKER)}


def panel() -> list[tuple[Experiment, int | None]]:
    """Return each experiment, and for how many seconds more it is on; none of them if Redis does not answer."""
    try:
        return [(experiment, experiment.left()) for experiment in EXPERIMENTS.values()]
    except redis.RedisError:
        return []


def is_to_be_killed() -> bool:
    """Whether a process is to be killed; whoever asks first has to see to it."""
    return client().getdel(KILL.key) is not None


def is_poisoned(chunk_id: int) -> bool:
    """Whether a chunk is poisoned; the first that asks takes the poison."""
    taken_by = client().get(POISON.key)
    if taken_by == NEXT_CHUNK:
        client().set(POISON.key, chunk_id, xx=True, keepttl=True)
        return True
    return taken_by == str(chunk_id)


@cache
def client() -> redis.Redis:
    """Return this process's connection to the Redis of the schedule."""
    redbeat = settings.REDBEAT
    options = redbeat["redbeat_redis_options"] | {"decode_responses": True}
    return redis.Redis.from_url(redbeat["redbeat_redis_url"], **options)
