"""What waits in the system as a whole: looked up when Prometheus asks, as the doctor does; nothing is taken or changed.

Of what does not answer in time it says so, with `celery_up 0`, and the rest it tells.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from amqp.exceptions import NotFound
from celery import Celery
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.registry import Collector

from ..canary import Canary
from ..dead_letters.models import DeadLetter
from ..doctor import beat, rabbitmq, redis, redis_queues
from ..doctor.examination import Probe, examine
from ..doctor.finding import Finding, Level
from ..outbox.models import OutboxMessage
from ..topology import all_queues


class SystemCollector(Collector):
    """The queues of the broker, what waits in the tables, and whether a beat leads."""

    def __init__(self, app: Celery) -> None:
        is_redis = app.connection_for_read().transport.driver_type == "redis"
        self._probes = [
            Probe("broker", partial(redis_depths if is_redis else rabbitmq_depths, app), ""),
            Probe("database", tables, ""),
            Probe("beat", partial(leader, app), ""),
        ]

    def collect(self) -> Iterator[Metric]:
        """Look at all of it, side by side."""
        found: list[Any] = examine(self._probes)
        silent = {failure.subject for failure in found if isinstance(failure, Finding)}
        up = Gauge("celery_up", "Whether it answered.", labels=["part"])
        for probe in self._probes:
            up.add_metric([probe.subject], probe.subject not in silent)
        yield up
        yield from (metric for metric in found if isinstance(metric, Metric))


def redis_depths(app: Celery) -> Iterator[Any]:
    """Yield how much waits in each queue, and since when. Raises redis-py's errors."""
    depth, oldest = _depth(), Gauge("celery_queue_oldest_message_seconds", "Since when it waits.", labels=["queue"])
    with redis.connect(app.conf.broker_read_url) as client:
        for queue in all_queues(app):
            contents = redis_queues.contents(client, queue.name)
            depth.add_metric([queue.name], contents.waiting)
            oldest.add_metric([queue.name], redis_queues.age(contents.oldest) or 0)
    yield depth
    yield oldest


def rabbitmq_depths(app: Celery) -> Iterator[Any]:
    """Yield how much waits in each queue, and how many consumers read it; of one that is not there, nothing.

    Since when it waits, RabbitMQ would tell by delivering it only: see the canaries. Raises OSError or amqp's errors.
    """
    depth, consumers = _depth(), Gauge("celery_queue_consumers", "Workers' channels that read it.", labels=["queue"])
    with rabbitmq.connect(app) as connection:
        for queue in all_queues(app):
            try:
                found: Any = queue(connection.channel()).queue_declare(passive=True)
            except NotFound:
                continue
            depth.add_metric([queue.name], found.message_count)
            consumers.add_metric([queue.name], found.consumer_count)
    yield depth
    yield consumers


def tables() -> Iterator[Any]:
    """Yield what waits for a person, what waits for the broker, and how old the canaries are. Raises DatabaseError."""
    now = timezone.now()
    letters = DeadLetter.objects.filter(state=DeadLetter.State.WAITING).count()
    yield Gauge("celery_dead_letters", "Dead letters that nobody has replayed or discarded.", letters)
    unsent, first = OutboxMessage.objects.count(), OutboxMessage.objects.first()
    age = (now - first.created_at).total_seconds() if first else 0
    yield Gauge("celery_outbox_messages", "Messages that are committed and not with the broker.", unsent)
    yield Gauge("celery_outbox_oldest_message_seconds", "Since when the oldest of them is committed.", age)
    canaries = Gauge(
        "celery_canary_age_seconds",
        "Since the last canary was sent that got through: no message that waits in the queue is much older.",
        labels=["queue"],
    )
    for canary in Canary.objects.all():
        canaries.add_metric([canary.queue], (now - canary.sent_at).total_seconds())
    yield canaries


def leader(app: Celery) -> Iterator[Any]:
    """Yield whether a beat leads. Raises redis-py's errors."""
    for finding in beat.leader(app):
        yield Gauge("celery_beat_leading", "Whether a beat sends what is due.", finding.level is Level.OK)


def _depth() -> Gauge:
    return Gauge("celery_queue_messages", "Messages that no worker holds yet.", labels=["queue"])
