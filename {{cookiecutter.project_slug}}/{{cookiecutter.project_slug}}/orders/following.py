"""Tells `services/steps.py` what the tasks of a workflow are at. A page that cannot be told is no reason to fail."""

from collections.abc import Callable
from typing import Any

from billiard.process import current_process
from celery import Task, states
from celery.signals import task_failure, task_postrun, task_prerun, task_retry
from celery.utils.log import get_task_logger
from django.db import DatabaseError, connection

from . import tasks, workflows
from .models import Step
from .services import steps

logger = get_task_logger(__name__)

START = workflows.start.name
CHUNK = tasks.import_chunk.name
#: The apps' own tasks; others are not looked up.
OURS = (f"{tasks.__name__}.", f"{workflows.__name__}.")


@task_prerun.connect
def begun(task: Task[..., Any], task_id: str, args: Any, **_: Any) -> None:
    """Note that a task begins. All of a workflow have the id of `start` as their root."""
    if task.name == START:
        import_id, attempt = args
        _note(task, lambda: steps.begin(task_id, _name(task), import_id=import_id, attempt=attempt))
    else:
        root_id, chunk_id = task.request.root_id or task_id, args[0] if task.name == CHUNK else None
        _note(task, lambda: steps.begin_within(root_id, task_id, _name(task), chunk_id=chunk_id))


@task_postrun.connect
def ended(task: Task[..., Any], task_id: str, state: str, **_: Any) -> None:
    """Note that a task got through, or handed its place to others."""
    if state in {states.SUCCESS, states.IGNORED}:
        _note(task, lambda: steps.end(task_id, _name(task), Step.State.DONE))


@task_retry.connect
def retried(sender: Task[..., Any], request: Any, reason: Any = None, **_: Any) -> None:
    """Note that a task will be tried again, and why. A worker that stops it gives no reason: it has lost the broker."""
    why = str(reason.exc) if reason else "the broker was lost, and delivers it again"
    _note(sender, lambda: steps.end(request.id, _name(sender), Step.State.RETRYING, why))


@task_failure.connect
def failed(sender: Task[..., Any], task_id: str, exception: BaseException, **_: Any) -> None:
    """Note that a task failed for good, and why."""
    _note(sender, lambda: steps.end(task_id, _name(sender), Step.State.FAILED, repr(exception)))


def _name(task: Task[..., Any]) -> str:
    return task.name.rpartition(".")[-1]


def _note(task: Task[..., Any], note: Callable[[], None]) -> None:
    if not task.name.startswith(OURS):
        return
    try:
        note()
    except DatabaseError:
        logger.warning("step not noted", exc_info=True)
    finally:
        # A worker's main process, which speaks for a lost child, is to hold no connection that its children inherit.
        if current_process().name == "MainProcess" and not task.request.is_eager:
            connection.close()
