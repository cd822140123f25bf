"""The database, and what waits in its tables."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from ..canary import passages
from ..dead_letters.models import DeadLetter
from ..outbox.models import OutboxMessage
from ..outbox.publisher import GRACE
from .finding import Finding, Level, count, duration, failure, ok, warning

#: More dead letters than this are no accident of a few tasks.
MANY_LETTERS = 100
#: More messages in the outbox than this, or one that waits longer: nothing empties it.
MANY_MESSAGES, LONG = 1_000, timedelta(minutes=5)
#: Of so many migrations, the names.
NAMED = 3


def schema() -> Iterator[Finding]:
    """Find whether the database answers and has the tables of this code. Raises DatabaseError."""
    connection.ensure_connection()
    options = connection.settings_dict
    place = "/".join(filter(None, (options.get("HOST"), str(options.get("NAME")))))
    yield ok("database", f"{connection.display_name} at {place}")
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        names = ", ".join(missing[:NAMED]) + (", ..." if len(missing) > NAMED else "")
        yield failure("migrations", f"{len(missing)} not applied: {names}", "manage.py migrate")
    else:
        yield ok("migrations", "all applied")


def canaries() -> Iterator[Finding]:
    """Find for each queue whether its last canary got through in time. Raises DatabaseError."""
    for passage in passages():
        subject, finding = f"canary {passage.queue}", str(passage).removeprefix(f"{passage.queue}: ")
        if passage.age is None:
            remedy = "After the first start this takes a minute. If it lasts, look at its worker and at beat."
            yield warning(subject, finding, remedy)
        elif passage.is_late:
            remedy = f"Look at its worker and at beat, in this order: manage.py worker {passage.queue}"
            yield failure(subject, finding, remedy)
        else:
            yield ok(subject, f"passed {finding}")


def dead_letters() -> Iterator[Finding]:
    """Find what waits for a person among the dead letters. Raises DatabaseError."""
    waiting = DeadLetter.objects.filter(state=DeadLetter.State.WAITING)
    number = waiting.count()
    if latest := waiting.first():
        level = Level.FAILURE if number > MANY_LETTERS else Level.WARNING
        finding = f"{number:,} waiting, the latest {_ago(latest.failed_at)} ago: {latest.task_name or 'unreadable'}"
        yield Finding(level, "dead letters", finding, "manage.py dead_letters list; then replay or discard them.")
    else:
        yield ok("dead letters", "none waiting")


def outbox() -> Iterator[Finding]:
    """Find what is committed and not yet with the broker. Raises DatabaseError."""
    number, oldest = OutboxMessage.objects.count(), OutboxMessage.objects.first()
    if oldest is None:
        yield ok("outbox", "empty")
        return
    finding = f"{count(number, 'message')}, the oldest for {_ago(oldest.created_at)}"
    if oldest.last_error:
        finding += f": {oldest.last_error}"
    age = timezone.now() - oldest.created_at
    if number > MANY_MESSAGES or age > LONG:
        yield failure("outbox", finding, "Is the broker there? Is beat? By hand: manage.py outbox")
    elif age > timedelta(seconds=GRACE):
        yield warning("outbox", finding, "Beat has it emptied each 10 s. By hand: manage.py outbox")
    else:
        yield ok("outbox", finding)


def _ago(moment: datetime) -> str:
    return duration((timezone.now() - moment).total_seconds())
