"""What the tasks of a workflow are at, kept for the page. Nothing else depends on it."""

from django.db.models import F
from django.utils import timezone

from ..models import Chunk, Step

State = Step.State

#: Characters that are kept of a reason.
LONGEST_NOTE = 300

#: The note on a task that begins although it was at work: whoever was at it has died, or lost the connection.
LOST = "Its process was lost in mid-work, so it was delivered again."


def begin(task_id: str, name: str, *, import_id: int, attempt: int, chunk_id: int | None = None) -> None:
    """Note that a task begins: for the first time, again after a retry, or again since its process was lost.

    A task of an import or a chunk that was deleted meanwhile is not noted.
    """
    now = timezone.now()
    again = Step.objects.filter(task_id=task_id, name=name)
    again.filter(state=State.RUNNING).update(note=LOST)
    if not again.update(state=State.RUNNING, runs=F("runs") + 1, began_at=now, updated_at=now):
        Step.objects.create(
            task_id=task_id,
            name=name,
            import_file_id=import_id,
            attempt=attempt,
            chunk_id=chunk_id,
            began_at=now,
        )


def begin_within(root_id: str, task_id: str, name: str, *, chunk_id: int | None = None) -> None:
    """Note that a task of the workflow begins that the task `root_id` has sent; nothing if that one is not known."""
    root = Step.objects.filter(task_id=root_id).values("import_file_id", "attempt").first()
    if root and (chunk_id is None or Chunk.objects.filter(pk=chunk_id).exists()):
        begin(task_id, name, import_id=root["import_file_id"], attempt=root["attempt"], chunk_id=chunk_id)


def end(task_id: str, name: str, state: Step.State, note: str = "") -> None:
    """Note how a run of a task ended; a note that was there before stays if there is no new one."""
    notes = {"note": note[:LONGEST_NOTE]} if note else {}
    Step.objects.filter(task_id=task_id, name=name).update(state=state, updated_at=timezone.now(), **notes)
