"""Celery. Every value has its reason; what differs by queue stands in the table of `tasking/queues.py`."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from {{ cookiecutter.project_slug }}.tasking import queues, transport

from .base import PACKAGE, PROJECT_APPS, TIME_ZONE, env

# --- Broker -----------------------------------------------------------------------------------------------------------
# RabbitMQ or Redis: the URL alone decides.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
CELERY_BROKER_TRANSPORT_OPTIONS = transport.options(CELERY_BROKER_URL, PACKAGE)
# Only RabbitMQ's management API, http[s]://NAME:PASSWORD@HOST:15672, tells `manage.py doctor` what policies change.
RABBITMQ_MANAGEMENT_URL = env.str("RABBITMQ_MANAGEMENT_URL", default="")
# HOST:PORT at which the workers answer Prometheus, see `tasking/metrics/worker.py`. Empty: they do not.
METRICS_ADDRESS = env.str("METRICS_ADDRESS", default="")
# With amqps:// or rediss://, the server proves who it is.
CELERY_BROKER_USE_SSL = transport.tls(CELERY_BROKER_URL)
# A dead connection is noticed after two missed heartbeats (RabbitMQ), not when TCP gives up.
CELERY_BROKER_HEARTBEAT = 10
# A worker that starts before its broker waits for it, for as long as it takes.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A request that cannot get a connection to publish on says so instead of hanging.
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 10
# Half a minute: a task that sends its next step, or its own retry, sits out a restart of the broker. A request does
# not wait so long, for `delay_on_commit` leaves the message to the outbox.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 30, "interval_start": 0, "interval_step": 0.2, "interval_max": 1}
# The workers' queues for remote control, and Flower's for events, as RabbitMQ 3.10 to 4.3 all take them: durable, since
# 4.3 refuses others that are not exclusive; and not exclusive, since a worker that comes back after a half-open
# connection would find its own in use.
CELERY_CONTROL_QUEUE_DURABLE = CELERY_EVENT_QUEUE_DURABLE = True
CELERY_CONTROL_QUEUE_EXCLUSIVE = CELERY_EVENT_QUEUE_EXCLUSIVE = False

# --- Queues -----------------------------------------------------------------------------------------------------------
CELERY_TASK_QUEUES = queues.task_queues(PACKAGE)
CELERY_TASK_DEFAULT_QUEUE = queues.DEFAULT
# One topic exchange for all: RabbitMQ's delayed delivery, which keeps a retry from blocking a worker, needs that type.
CELERY_TASK_DEFAULT_EXCHANGE = PACKAGE
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
CELERY_TASK_DEFAULT_ROUTING_KEY = queues.DEFAULT
# The queue stands in a task's decorator, so that a rename cannot reroute it unseen. Tasks not ours may be added here.
CELERY_TASK_ROUTES = [f"{PACKAGE}.tasking.queues.route"]
# A misspelt queue is an error where the task is sent, not a queue that nobody reads.
CELERY_TASK_CREATE_MISSING_QUEUES = False
# A task that sets no limits of its own gets those of its queue.
CELERY_TASK_ANNOTATIONS: list[Any] = [f"{PACKAGE}.tasking.queues.QueueDefaults"]

# --- Messages ---------------------------------------------------------------------------------------------------------
# JSON only: pickle would let whoever reaches the broker run code in a worker.
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = TIME_ZONE

# --- Results ----------------------------------------------------------------------------------------------------------
# Redis, since it counts a chord's parts itself where other backends poll; in a database of its own.
CELERY_RESULT_BACKEND = transport.redis_database(env.str("REDIS_URL"), transport.RESULTS)
CELERY_REDIS_BACKEND_USE_SSL = transport.tls(CELERY_RESULT_BACKEND)
# Nobody reads most results, and to store them takes a quarter of a worker's CPU (RabbitMQ: two fifths). A task that is
# part of a chord opts in with ignore_result=False.
CELERY_TASK_IGNORE_RESULT = True
# A result is needed until its chord is complete, which a backlog may delay.
CELERY_RESULT_EXPIRES = 24 * 60 * 60
# The errback of a chord is called once, by the chord and with the id of a part that failed, see `tasking/results.py`.
CELERY_TASK_ALLOW_ERROR_CB_ON_CHORD_HEADER = False
# A chord whose results cannot be read in this time fails, and its errback runs.
CELERY_RESULT_CHORD_JOIN_TIMEOUT = 30
# A lost connection costs tries for up to half a minute, not the result of work that is done, nor its chord.
CELERY_RESULT_BACKEND_ALWAYS_RETRY = True
CELERY_RESULT_BACKEND_MAX_RETRIES = 12
# A half-open connection to Redis fails and is made again.
CELERY_REDIS_SOCKET_TIMEOUT = 10
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 5
CELERY_REDIS_SOCKET_KEEPALIVE = True

# --- Worker -----------------------------------------------------------------------------------------------------------
# Late acknowledgement and retries stand in the base class, `tasking/task.py`.
# After a lost connection the broker delivers an unacknowledged task again: the copy that still runs here is stopped.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# A failed task is acknowledged: it stands among our own dead letters, with its traceback.
CELERY_TASK_ACKS_ON_FAILURE = CELERY_TASK_ACKS_ON_TIMEOUT = True
# Told to end, a worker gives its tasks this long (seconds) and then back to the broker. For that time it sends no
# heartbeats, and two missed ones make the broker deliver them again.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 0.8 * CELERY_BROKER_HEARTBEAT
# A consumer that writes a heartbeat, see `tasking/health.py`.
CELERY_WORKER_CONSUMER = f"{PACKAGE}.tasking.consumer:Consumer"
# Django's logging, see `settings/logging.py`; Celery's own set-up would replace it.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A child that has grown over this (KiB) is replaced after its task, before the machine runs out of memory.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 180_000
# What leaks slowly is given back.
CELERY_WORKER_MAX_TASKS_PER_CHILD = 10_000

# --- Schedule ---------------------------------------------------------------------------------------------------------
# RedBeat keeps a lock in Redis, so two beats may run and one fires. Each app states its own entries in schedule.py.
CELERY_BEAT_SCHEDULER = f"{PACKAGE}.tasking.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    name: entry
    for app in PROJECT_APPS
    if find_spec(f"{app}.schedule")
    for name, entry in import_module(f"{app}.schedule").SCHEDULE.items()
}
REDBEAT: dict[str, Any] = {
    "redbeat_redis_url": transport.redis_database(env.str("REDIS_URL"), transport.SCHEDULE),
    "redbeat_redis_use_ssl": transport.tls(env.str("REDIS_URL")),
    "redbeat_redis_options": {"socket_timeout": 10, "socket_connect_timeout": 5, "socket_keepalive": True},
    "redbeat_key_prefix": f"{PACKAGE}:beat",
}
# Seconds a beat sleeps at most. A dead one's lock lives five times as long; one sleep later another has taken over.
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
