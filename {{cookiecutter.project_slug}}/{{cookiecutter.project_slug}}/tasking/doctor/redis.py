"""Redis or Valkey, as a server: does it answer, and does it keep what it is told."""

from collections.abc import Iterator
from typing import Any

import redis
from kombu.utils.url import maybe_sanitize_url
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from .examination import PATIENCE
from .finding import Finding, Level, ok, warning

#: Bytes used of those allowed from which on it is nearly full: with noeviction, the next write may be refused.
NEARLY_FULL = 0.9


def connect(url: str) -> Any:
    """Return a client that tries once and does not wait long; a text that is none is shown as it is."""
    return redis.Redis.from_url(
        url,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        encoding_errors="backslashreplace",
    )


def server(subject: str, url: str, loss: Level) -> Iterator[Finding]:
    """Find the version and how well it keeps its data; what would lose it is as bad as `loss` says.

    Raises redis-py's errors.
    """
    with connect(url) as client:
        client.ping()
        try:
            info = client.info()
        except ResponseError as error:
            yield ok(subject, f"answers at {maybe_sanitize_url(url)}")
            yield _unseen(f"{subject} data", "eviction and persistence", error)
            return
        yield _version(subject, maybe_sanitize_url(url), info, loss)
        yield _memory(f"{subject} memory", info, loss)
        yield _persistence(f"{subject} data", info, loss)
        if info.get("aof_enabled"):
            yield from _syncs(f"{subject} fsync", client)


def results(subject: str, url: str) -> Iterator[Finding]:
    """Find whether it answers, where the server is one that is looked at anyway."""
    with connect(url) as client:
        client.ping()
        yield ok(subject, f"answers at {maybe_sanitize_url(url)}")


def _version(subject: str, address: str, info: dict[str, Any], loss: Level) -> Finding:
    name, version = "Redis", str(info.get("redis_version"))
    if "valkey_version" in info:
        name, version = "Valkey", str(info["valkey_version"])
    finding = f"{name} {version} at {address}"
    if version.partition(".")[0] in {"4", "5", "6"}:
        return Finding(loss, subject, f"{finding}: too old", "Use Redis 7 or later: only there it is emptied if full.")
    return ok(subject, finding)


def _memory(subject: str, info: dict[str, Any], loss: Level) -> Finding:
    policy, used, limit = info.get("maxmemory_policy"), int(info["used_memory"]), int(info.get("maxmemory", 0))
    finding = f"{policy}, {used / 2**20:,.0f} MiB used of {f'{limit / 2**20:,.0f} MiB' if limit else 'no limit'}"
    if policy != "noeviction":
        return Finding(loss, subject, f"{finding}: when it is full, it drops keys", "Set maxmemory-policy noeviction.")
    if limit and used > NEARLY_FULL * limit:
        return warning(subject, f"{finding}: soon it refuses writes", "Give it more memory, or find what fills it.")
    return ok(subject, finding)


def _persistence(subject: str, info: dict[str, Any], loss: Level) -> Finding:
    if not info.get("aof_enabled"):
        return Finding(loss, subject, "appendonly no: a restart loses it", "Set appendonly yes and appendfsync always.")
    failed = [name for name in ("aof_last_write_status", "aof_last_bgrewrite_status") if info.get(name, "ok") != "ok"]
    if failed:
        finding = f"{' and '.join(failed)}: the last one failed"
        return Finding(loss, subject, finding, "Look at the server's log, and at the space on its disk.")
    return ok(subject, "appendonly yes, the last write to disk succeeded")


def _syncs(subject: str, client: Any) -> Iterator[Finding]:
    try:
        sync = client.config_get("appendfsync")["appendfsync"]
    except (ResponseError, KeyError) as error:
        yield _unseen(subject, "appendfsync", error)
        return
    if sync == "always":
        yield ok(subject, "always")
    else:
        yield warning(subject, f"{sync}: a crash loses the last second, or more", "Set appendfsync always.")


def _unseen(subject: str, what: str, error: Exception) -> Finding:
    return warning(subject, f"{what} cannot be seen: {error}", "Allow INFO and CONFIG GET, or ask who runs the server.")
