"""The list of what is looked at, in the order in which it is told."""

from functools import partial
from urllib.parse import urlsplit

from celery import Celery
from django.conf import settings
from kombu.utils.url import maybe_sanitize_url

from . import beat, clocks, database, monitors, rabbitmq, rabbitmq_management, redis, redis_queues, workers
from .examination import Probe
from .finding import Level

BROKER = "Is it running? Is CELERY_BROKER_URL right? Is a firewall between?"
SEE_BROKER = "See the line of the broker."
REDIS = "Is it running? Is REDIS_URL right? Is a firewall between?"
SEE_RESULTS = "See the line of the results: it is the same Redis."
DATABASE = "Is it running? Is DATABASE_URL right?"
SEE_DATABASE = "See the lines of the database and its migrations."


def probes(app: Celery) -> list[Probe]:
    """Return the probes for the brokers and databases that the settings name."""
    results, schedule = settings.CELERY_RESULT_BACKEND, settings.REDBEAT["redbeat_redis_url"]
    return [
        *_broker(app),
        Probe("workers", partial(workers.workers, app), SEE_BROKER),
        Probe("canaries", database.canaries, SEE_DATABASE),
        Probe("beat", partial(beat.leader, app), SEE_RESULTS),
        Probe("second beat", beat.doubles, SEE_DATABASE),
        _results(app.conf.broker_write_url, results),
        Probe("clock of Redis", partial(clocks.redis_clock, schedule), SEE_RESULTS),
        Probe("database", database.schema, DATABASE),
        Probe("clock of the database", clocks.database_clock, SEE_DATABASE),
        Probe("dead letters", database.dead_letters, SEE_DATABASE),
        Probe("outbox", database.outbox, SEE_DATABASE),
        Probe("monitors", monitors.monitors, ""),
    ]


def _broker(app: Celery) -> list[Probe]:
    url = app.conf.broker_write_url
    if _is_redis(url):
        return [
            # A broker that drops what it was told loses messages.
            Probe("broker", partial(redis.server, "broker", url, Level.FAILURE), BROKER, _masked(url)),
            Probe("queues", partial(redis_queues.queues, app, url), SEE_BROKER),
        ]
    return [
        Probe("broker", partial(rabbitmq.broker, app), BROKER, _masked(url)),
        Probe("broker alarms", partial(rabbitmq.alarms, app), SEE_BROKER),
        Probe("queues", partial(rabbitmq.queues, app), SEE_BROKER),
        Probe("policies", partial(rabbitmq_management.policies, app), "Is RABBITMQ_MANAGEMENT_URL right?"),
    ]


def _results(broker_url: str, url: str) -> Probe:
    if _is_redis(broker_url) and urlsplit(broker_url)[1].rpartition("@")[2] == urlsplit(url)[1].rpartition("@")[2]:
        return Probe("results", partial(redis.results, "results", url), REDIS, _masked(url))
    # What is lost here is a chord that waits for its parts, or the time when an entry of the schedule ran last.
    return Probe("results", partial(redis.server, "results", url, Level.WARNING), REDIS, _masked(url))


def _masked(url: str) -> str:
    try:
        return str(maybe_sanitize_url(url))
    except ValueError:  # what connects to it will say so
        return ""


def _is_redis(url: str) -> bool:
    return urlsplit(url).scheme in {"redis", "rediss"}
