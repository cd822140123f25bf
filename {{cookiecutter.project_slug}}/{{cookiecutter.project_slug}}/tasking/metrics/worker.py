"""What becomes of a worker's tasks, counted in its main process, which learns of it even if a child is lost.

So a worker is one process to Prometheus, however many children it has. It answers at METRICS_ADDRESS=HOST:PORT, if the
environment has that: each queue of the table at a port of its own, from PORT on, so that workers may share a machine.
"""

import logging
import time
from functools import cache
from typing import Any

from celery.signals import worker_process_init, worker_ready
from celery.worker import state
from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from ..queues import QUEUES, queue_of
from ..sent_at import SENT_AT

logger = logging.getLogger(__name__)

#: Upper bounds in seconds: from a task that does next to nothing to the longest limit of the table.
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)

ENDED = Counter("celery_tasks", "Runs of tasks that ended, by outcome.", ["task", "queue", "outcome"])
RUNTIME = Histogram("celery_task_runtime_seconds", "How long runs took.", ["task", "queue"], buckets=BUCKETS)
WAIT = Histogram("celery_task_wait_seconds", "From when a task was due until it began.", ["queue"], buckets=BUCKETS)
RUNNING = Gauge("celery_worker_running", "Tasks that this worker runs.", ["queue"])
WAITING = Gauge("celery_worker_waiting", "Tasks that this worker holds and has not begun.", ["queue"])

#: Looking up the series of a task costs more than counting in it.
_ended, _runtime, _wait = cache(ENDED.labels), cache(RUNTIME.labels), cache(WAIT.labels)

_servers: list[Any] = []


def began(request: Any) -> None:
    """Count a task that begins: how long it waited, from when it was sent or, with a delay, from when it was due."""
    sent_at = request.request_dict.get(SENT_AT)
    if sent_at:
        due = max(sent_at, request.eta.timestamp()) if request.eta else sent_at
        _wait(_queue(request)).observe(max(request.time_start - due, 0))


def ended(request: Any, outcome: str) -> None:
    """Count the end of a run: `succeeded`, `retried`, `failed` or `rejected`."""
    _ended(request.name, _queue(request), outcome).inc()
    if request.time_start:
        _runtime(request.name, _queue(request)).observe(time.time() - request.time_start)


def _queue(request: Any) -> str:
    return queue_of(request.delivery_info.get("routing_key"))


@worker_ready.connect
def serve(sender: Any, **_: Any) -> None:
    """Answer Prometheus, if asked to. A port that is taken is no reason not to work."""
    if not settings.METRICS_ADDRESS:
        return
    queue = str(sender.hostname).partition("@")[0]
    RUNNING.labels(queue).set_function(lambda: len(state.active_requests))
    WAITING.labels(queue).set_function(lambda: len(state.reserved_requests) - len(state.active_requests))
    host, port = address(queue)
    try:
        server, _thread = start_http_server(port, host)
    except OSError:
        logger.exception("metrics not served", extra={"host": host, "port": port})
    else:
        _servers.append(server)


@worker_process_init.connect
def close(**_: Any) -> None:
    """Leave the port to the main process: a child that outlives it would keep it."""
    for server in _servers:
        server.socket.close()


def address(queue: str) -> tuple[str, int]:
    """Return where the worker of a queue answers. Raises ValueError if METRICS_ADDRESS is no HOST:PORT."""
    host, _, port = settings.METRICS_ADDRESS.rpartition(":")
    return host, int(port) + list(QUEUES).index(queue) if queue in QUEUES else int(port)
