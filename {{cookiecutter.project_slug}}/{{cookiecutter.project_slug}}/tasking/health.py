"""Heartbeats: a file for each worker and for beat, written again and again by the loop that does the work.

A process whose loop is wedged stops writing, however alive it looks. `bin/healthy` reads the file from a container's
health check, `manage.py health` for a person. Neither asks the process anything, so a probe costs next to nothing.

This module needs Python's standard library only.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

#: Seconds from one heartbeat to the next.
INTERVAL = 5

#: Seconds after which a heartbeat is too old. Several are missed by then: a slow machine is not a wedged loop.
MAX_AGE = 60

# What the process that writes is doing. Each of them is alive; a restart would mend none.
#: A worker that reads its queue.
CONSUMING = "consuming"
#: A worker that tries to reach the broker.
WAITING = "waiting-for-broker"
#: The beat that sends what is due.
LEADING = "leading"
#: A beat that would take the leader's place.
STANDBY = "standby"
#: A beat that tries to reach Redis, which holds schedule and lock.
CUT_OFF = "waiting-for-redis"


class NoHeartbeatError(Exception):
    """There is no heartbeat: the process never ran here, or writes to another folder."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of one process: seconds since then, what it was doing, its process id."""

    age: float
    state: str
    pid: int

    def is_fresh(self, max_age: float = MAX_AGE) -> bool:
        """Whether it is young enough. One from the future is not: the clock was set back and tells nothing."""
        return abs(self.age) <= max_age


def worker(queue: str) -> str:
    """Return the name of the heartbeat of a queue's worker."""
    return f"worker-{queue}"


#: The name of beat's heartbeat.
BEAT = "beat"


def folder() -> Path:
    """Return where the heartbeats lie: HEALTH_DIR of the environment, or a folder of this user's among temporary files.

    `bin/healthy` looks in the same place, and does not read `.env`: set HEALTH_DIR in the environment of both.
    """
    if chosen := os.environ.get("HEALTH_DIR"):
        return Path(chosen)
    temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - the folder in it is ours alone
    return Path(temporary, f"{__package__.partition('.')[0]}-{os.getuid()}")


def write(name: str, state: str) -> None:
    """Note that the process is alive now. A reader sees the old line or the new one, whole. Raises OSError."""
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = place / f".{name}.{os.getpid()}"
    draft.write_text(f"{int(time.time())} {state} {os.getpid()}\n", encoding="ascii")
    draft.replace(place / name)


def read(name: str) -> Heartbeat:
    """Return the last heartbeat of this name. Raises NoHeartbeatError."""
    path = folder() / name
    try:
        then, state, pid = path.read_text(encoding="ascii").split()
        return Heartbeat(time.time() - int(then), state, int(pid))
    except (OSError, ValueError) as error:
        msg = f"{name}: no heartbeat in {path.parent}"
        raise NoHeartbeatError(msg) from error
