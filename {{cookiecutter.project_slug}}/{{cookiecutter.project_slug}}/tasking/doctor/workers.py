"""Workers: which of them answer, and what they read."""

from collections import defaultdict
from collections.abc import Iterator

from celery import Celery

from ..queues import QUEUES
from .examination import PATIENCE
from .finding import Finding, failure, ok

#: Seconds after the last answer in which another may come.
LISTEN = 1.0


def workers(app: Celery) -> Iterator[Finding]:
    """Find for each queue of the table a worker that answers and reads it.

    One that does not answer is stuck, or its connection is half-open. Raises OSError, or the transport's errors.
    """
    readers: dict[str, list[str]] = defaultdict(list)
    # Redis is asked for answers in turns, of which the last one is waited for.
    options = {"polling_interval": 0.1}
    with app.connection_for_write(connect_timeout=PATIENCE, transport_options=options) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)
        mailbox = app.control.mailbox(connection)  # type: ignore[attr-defined]
        mailbox._producer_pool = None  # on this connection, which ends in good order
        for answer in mailbox.multi_call("active_queues", timeout=LISTEN):
            for worker, queues in answer.items():
                for queue in queues:
                    readers[queue["name"]].append(worker)
    for name in QUEUES:
        if readers[name]:
            yield ok(f"worker {name}", ", ".join(sorted(readers[name])))
        else:
            yield failure(f"worker {name}", "none answers that reads the queue", f"Start it: manage.py worker {name}")
