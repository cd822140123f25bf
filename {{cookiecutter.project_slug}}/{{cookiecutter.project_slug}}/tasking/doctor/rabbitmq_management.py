"""What RabbitMQ tells by its management API only: what policies have made of the queues."""

import json
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from celery import Celery
from django.conf import settings

from ..queues import LONGEST_HOLD
from ..topology import all_queues
from .examination import PATIENCE
from .finding import Finding, duration, failure, ok, warning

LIMIT, TIMEOUT = "delivery limit", "consumer timeout"

UNSEEN = "Set RABBITMQ_MANAGEMENT_URL=http://NAME:PASSWORD@HOST:15672, of a user with the tag `monitoring`."


def policies(app: Celery) -> Iterator[Finding]:
    """Find the delivery limit and the consumer timeout that hold, which a policy may have lowered."""
    if not settings.RABBITMQ_MANAGEMENT_URL:
        yield warning("policies", f"not seen: {LIMIT} and {TIMEOUT} stand in the management API only", UNSEEN)
        return
    host = app.connection_for_read().virtual_host
    found, wanted = {}, {}
    for queue in all_queues(app):
        path = f"/api/queues/{quote(host, safe='')}/{quote(queue.name)}"
        if state := ask(settings.RABBITMQ_MANAGEMENT_URL, path):
            found[queue.name] = state
            wanted[queue.name] = (queue.queue_arguments or {})["x-delivery-limit"]
    yield delivery_limit(found, wanted)
    yield consumer_timeout(found)


def ask(url: str, path: str, method: str = "GET") -> Any:
    """Return what the API answers; None if there is no such thing, or nothing to say.

    Raises OSError or HTTPException, ValueError for another URL than http[s] and for what is no JSON.
    """
    parts = urlsplit(url)
    kinds = {"http": HTTPConnection, "https": HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        msg = "RABBITMQ_MANAGEMENT_URL is none of http[s]://NAME:PASSWORD@HOST:PORT"
        raise ValueError(msg)
    login = b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=PATIENCE)
    try:
        connection.request(method, parts.path.rstrip("/") + path, headers={"Authorization": f"Basic {login}"})
        answer = connection.getresponse()
        if answer.status in {204, 404}:
            return None
        if answer.status != 200:
            msg = f"the management API answers {answer.status} {answer.reason}"
            raise OSError(msg)
        return json.load(answer)
    finally:
        connection.close()


def delivery_limit(found: dict[str, dict[str, Any]], wanted: dict[str, int]) -> Finding:
    """Tell the limit that holds for each queue, given what the API says: the lower one of argument and policy."""
    changed = []
    for name, queue in found.items():
        limit = min(wanted[name], int(_policy(queue).get("delivery-limit", wanted[name])))
        if limit != wanted[name]:
            changed.append(f"{name} {limit} instead of {wanted[name]:,} (policy {queue.get('policy')})")
    if changed:
        return warning(
            LIMIT,
            f"lowered: {', '.join(changed)}",
            "What is held by a worker that dies so often is given up, guilty or not. `rabbitmqctl list_policies`",
        )
    limits = ", ".join(f"{name} {wanted[name]:,}" for name in found) or "there are no queues"
    return ok(LIMIT, f"as declared, {limits}")


def consumer_timeout(found: dict[str, dict[str, Any]]) -> Finding:
    """Tell whether RabbitMQ gives a worker the time that it may hold a message, given what the API says."""
    timeouts = {}
    for name, queue in found.items():
        arguments = queue.get("arguments") or {}
        if milliseconds := _policy(queue).get("consumer-timeout", arguments.get("x-consumer-timeout")):
            timeouts[name] = int(milliseconds) / 1000
    short = [f"{name} {duration(seconds)}" for name, seconds in timeouts.items() if seconds <= LONGEST_HOLD]
    if short:
        return failure(
            TIMEOUT,
            f"{', '.join(short)}: a worker may hold a message for {duration(LONGEST_HOLD)}",
            "Raise it: the worker whose task takes longer ends, and the task is delivered again.",
        )
    if timeouts:
        return ok(TIMEOUT, ", ".join(f"{name} {duration(seconds)}" for name, seconds in timeouts.items()))
    # No API tells the server's own: only its configuration does.
    return ok(TIMEOUT, f"no policy sets one: RabbitMQ's own, 30 min; here {duration(LONGEST_HOLD)} are needed")


def _policy(queue: dict[str, Any]) -> dict[str, Any]:
    return dict(queue.get("effective_policy_definition") or {})  # an empty one is a list
