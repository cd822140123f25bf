"""What Sentry is told of tasks: each that failed for good, once, with the ids that stand in logs and dead letters.

Its Celery integration reports what a task raises, in the child that ran it, unless the task is to be retried. Here is
what it does not see: a hard time limit and a lost child, of which only a worker's main process knows, and what the
broker put among the dead letters. Without a DSN all this does nothing.
"""

from typing import Any

import sentry_sdk
from celery import Task
from celery.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import task_failure, task_prerun, worker_process_init
from sentry_sdk.transport import make_transport

from .queues import queue_of_request

#: Seconds that a child waits for Sentry, after a failure only.
PATIENCE = 1


@worker_process_init.connect
def send_by_itself(**_: Any) -> None:
    """Give a child a way to Sentry of its own.

    With the one that it has by the fork, it would send once more what its worker is about to send: that one reports a
    lost child, and then forks another.
    """
    client = sentry_sdk.get_client()
    if client.transport:
        client.transport = make_transport(client.options)


@task_prerun.connect
def tag(task: Task[..., Any], **_: Any) -> None:
    """Tag all that is reported while a task runs."""
    if sentry_sdk.is_initialized():
        sentry_sdk.set_tags(_tags(task.name, task.request.id, queue_of_request(task.request), task.request.root_id))


@task_failure.connect
def report(sender: Task[..., Any], task_id: str, exception: BaseException, **_: Any) -> None:
    """Report the end of a task whose child could not; one that could sends its report before anything may kill it."""
    request = sender.request
    if isinstance(exception, TimeLimitExceeded | WorkerLostError):
        _capture(exception, sender.name, task_id, queue_of_request(request), request.root_id)
    elif sentry_sdk.is_initialized() and not request.is_eager:
        sentry_sdk.flush(timeout=PATIENCE)


def report_letter(letter: Any) -> None:
    """Report a dead letter that no worker could report, since none could finish its task."""
    _capture(letter.reason, letter.task_name, letter.task_id, letter.queue, letter.root_id)


def _capture(what: BaseException | str, name: str, task_id: str, queue: str, root_id: str | None) -> None:
    if not sentry_sdk.is_initialized():
        return
    with sentry_sdk.new_scope() as scope:
        scope.set_tags(_tags(name, task_id, queue, root_id))
        scope.set_transaction_name(name or "unreadable message")
        # One issue for each task and way to fail, whatever the message says of limits and signals.
        scope.fingerprint = [name, type(what).__name__ if isinstance(what, BaseException) else "dead letter"]
        if isinstance(what, BaseException):
            sentry_sdk.capture_exception(what)
        else:
            sentry_sdk.capture_message(f"Dead letter: {what}", level="error")


def _tags(name: str, task_id: Any, queue: str, root_id: Any) -> dict[str, str]:
    """Return the tags of an event; the last one is that of the workflow."""
    return {"task": name, "task_id": str(task_id), "queue": queue, "root_id": str(root_id or task_id)}
