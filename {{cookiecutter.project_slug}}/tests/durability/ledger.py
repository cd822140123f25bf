"""The tasks of the proofs. What they do they note in a Redis of its own: outside the broker and the database.

A note is `kind entry`. `begin` and `end` stand around work that a fault may hit; `note` is a task's whole work.
"""

import os
import signal
import time
from typing import Any

import redis
from celery import Task, chord, shared_task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from django.contrib.auth.models import Group
from django.db import transaction

from {{ cookiecutter.project_slug }}.tasking.errors import TransientError
from {{ cookiecutter.project_slug }}.tasking.idempotency import first_time
from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT
from {{ cookiecutter.project_slug }}.tasking.task import Task as ProjectTask

#: The list of the notes.
NOTES = "notes"


def connect() -> Any:
    """Return a client of the ledger."""
    return redis.Redis.from_url(os.environ["LEDGER_URL"], decode_responses=True)


def write(kind: str, entry: str) -> None:
    """Add a note with the time and the process id."""
    with connect() as client:
        client.rpush(NOTES, f"{kind} {entry} {time.time()} {os.getpid()}")


def kill(entry: str, whole_worker: bool, lives: int) -> None:
    """Kill this process or, with `whole_worker`, its parent too; for an entry that has died `lives` times, nothing."""
    with connect() as client:
        if client.incr(f"deaths:{entry}") > lives:
            return
    if whole_worker:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(
    queue=DEFAULT,
)
def note(entry: str) -> None:
    """Note that it ran. Again: once more, which is what the ledger is for."""
    write("note", entry)


@shared_task(
    queue=DEFAULT,
    ignore_result=False,
)
def part(entry: str, seconds: float = 0) -> str:
    """Take a while, note that it ran, and return the entry: a part of a chord. Again: once more."""
    time.sleep(seconds)
    write("note", entry)
    return entry


@shared_task(
    queue=DEFAULT,
)
def work(entry: str, seconds: float) -> None:
    """Take a while. Again: as long."""
    write("begin", entry)
    time.sleep(seconds)
    write("end", entry)


@shared_task(
    queue=DEFAULT,
)
def charge(entry: str, seconds: float, dies: bool = False) -> None:
    """Make a row in a transaction that takes a while; then the worker `dies`, once. Again: nothing, by its key."""
    write("begin", entry)
    with transaction.atomic():
        if first_time(f"charge:{entry}"):
            Group.objects.create(name=f"{entry}:{time.time_ns()}")
            time.sleep(seconds)
    if dies:
        kill(entry, whole_worker=True, lives=1)
    write("end", entry)


@shared_task(
    queue=DEFAULT,
    ignore_result=False,
)
def die(entry: str, whole_worker: bool = False, lives: int = 1_000) -> str:
    """Kill the process it runs in or, with `whole_worker`, that one's parent too; `lives` times. Again: the same."""
    write("begin", entry)
    kill(entry, whole_worker, lives)
    write("end", entry)
    return entry


@shared_task(
    queue=DEFAULT,
    ignore_result=False,
)
def hang(entry: str, heed_soft_limit: bool = False) -> None:
    """Never end, not even at the soft time limit unless `heed_soft_limit`. Again: the same."""
    write("begin", entry)
    while True:
        try:
            time.sleep(60)
        except SoftTimeLimitExceeded:
            write("soft", entry)
            if heed_soft_limit:
                raise


class Finalized:
    """What takes for ever to be collected."""

    def __del__(self) -> None:
        time.sleep(60)


@shared_task(
    queue=DEFAULT,
)
def collect(entry: str) -> None:
    """Never end; the soft time limit strikes in a `__del__`, where Python drops what is raised. Again: the same."""
    write("begin", entry)
    Finalized()
    time.sleep(60)


@shared_task(
    bind=True,
    queue=DEFAULT,
    ignore_result=False,
)
def fail(self: Task[..., None], entry: str, how: str) -> None:
    """Fail as told: `bug`, `transient` or `reject`. Again: the same."""
    write(f"try{self.request.retries}", entry)
    match how:
        case "transient":
            raise TransientError(entry)
        case "reject":
            raise Reject(entry, requeue=False)
        case _:
            raise LookupError(entry)


@shared_task(
    bind=True,
    queue=DEFAULT,
)
def retried(self: Task[..., None], entry: str) -> None:
    """Fail the first time as something does that passes, then note that it ran. Again: the same."""
    if not self.request.retries:
        raise TransientError(entry)
    write("note", entry)


@shared_task(
    queue=DEFAULT,
    throws=(KeyError,),
)
def expected(entry: str) -> None:
    """Note that it ran, and fail in a way that is no failure. Again: the same."""
    write("note", entry)
    raise KeyError(entry)


@shared_task(
    bind=True,
    queue=DEFAULT,
    ignore_result=False,
    max_retries=1,
    retry_backoff=1,
    default_retry_delay=1,
)
def give_up(self: Task[..., None], entry: str, killed: bool = False) -> None:
    """Fail, or be `killed`, for good at the second try. Again: the same."""
    write(f"try{self.request.retries}", entry)
    if killed:
        os.kill(os.getpid(), signal.SIGKILL)
    raise TransientError(entry)


@shared_task(
    bind=True,
    queue=DEFAULT,
)
def come_back(self: Task[..., None], entry: str, countdown: float) -> None:
    """Ask to be sent again after so many seconds, once. Again: the same."""
    write(f"try{self.request.retries}", entry)
    if not self.request.retries:
        raise self.retry(countdown=countdown)


@shared_task(
    bind=True,
    queue=DEFAULT,
    max_retries=3,
    retry_backoff=4,
    retry_backoff_max=8,
)
def flaky(self: Task[..., None], entry: str) -> None:
    """Fail in a way that may pass, but does not. Again: the same."""
    write(f"try{self.request.retries}", entry)
    raise TransientError(entry)


@shared_task(
    bind=True,
    queue=DEFAULT,
    ignore_result=False,
)
def expand(self: Task[..., None], entry: str) -> None:
    """Put in its own place a chord of which one part fails. Again: another such chord."""
    self.replace(chord([part.si(entry), fail.si(entry, "bug")], body.s(entry)))


@shared_task(
    queue=DEFAULT,
)
def wait(entry: str) -> None:
    """Wait for another task, as none may. Again: the same."""
    part.delay(entry).get()


class Counted(ProjectTask[..., Any]):
    """A part that kills the whole worker, once, when it is counted and not yet acknowledged."""

    abstract = True

    def on_success(self, retval: str, *_: Any) -> None:
        """Celery calls this when the result is stored and the chord has counted it."""
        kill(retval, whole_worker=True, lives=1)


@shared_task(
    base=Counted,
    queue=DEFAULT,
    ignore_result=False,
)
def counted(entry: str) -> str:
    """Note that it ran, and return the entry; the first time, the worker dies of it. Again: once more."""
    write("note", entry)
    return entry


@shared_task(
    queue=DEFAULT,
)
def body(parts: list[str], entry: str) -> None:
    """Note that a chord is complete, with what its parts returned. Again: once more."""
    write("body", f"{entry}={'+'.join(sorted(parts))}")


class Unsent(ProjectTask[..., Any]):
    """A task that kills the process which is about to send it, or with `whole_worker` the worker; once."""

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        """Die, or else send it."""
        _, entry, whole_worker = args
        kill(entry, whole_worker, lives=1)
        return super().apply_async(args, kwargs, *rest, **options)


@shared_task(
    base=Unsent,
    queue=DEFAULT,
)
def late_body(parts: list[str], entry: str, whole_worker: bool) -> None:
    """Note that a chord is complete whose body was nearly not sent. Again: once more."""
    write("body", f"{entry}={'+'.join(sorted(parts))}")


class Slow(ProjectTask[..., Any]):
    """A task whose sender waits two seconds for the broker's answer."""

    abstract = True

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Send it, and wait."""
        sent = super().apply_async(*args, **options)
        time.sleep(2)
        return sent


@shared_task(
    base=Slow,
    queue=DEFAULT,
)
def slow_body(parts: list[str], entry: str) -> None:
    """Note that a chord is complete whose body took long to be sent. Again: once more."""
    write("body", f"{entry}={'+'.join(sorted(parts))}")


@shared_task(
    bind=True,
    queue=DEFAULT,
)
def errback(self: Task[..., None], entry: str) -> None:
    """Note that a workflow failed, with the id of the task that did. Again: once more."""
    write("errback", f"{entry}={self.request.parent_id}")
