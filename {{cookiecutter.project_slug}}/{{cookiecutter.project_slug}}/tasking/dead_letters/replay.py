"""What a person does about a dead letter: send its task again, or put it aside."""

from datetime import timedelta

from celery import current_app
from django.db import transaction
from django.utils import timezone

from ..outbox.publisher import apply_on_commit
from ..queues import QUEUES
from .models import DeadLetter

#: Letters are deleted so long after somebody has settled them. Those that wait, wait.
RETENTION = timedelta(days=90)


class NotWaitingError(Exception):
    """The letter cannot be replayed or discarded; the message says why."""


def replay(letter_id: int) -> str:
    """Send the task of a letter again, with the same arguments, as a new message, and return its id.

    Once: of two who try, the second is refused. The message is committed with the letter and goes through the outbox.
    It belongs to no chord or chain, since that of the first has failed. Raises NotWaitingError, ArgumentError.
    """
    with transaction.atomic():
        letter = _waiting(letter_id)
        try:
            args, kwargs = letter.signature_arguments()
        except ValueError:
            msg = f"Dead letter {letter_id} cannot be replayed: its message was unreadable. Discard it."
            raise NotWaitingError(msg) from None
        options = {"queue": letter.queue} if letter.queue in QUEUES else {}
        signature = current_app.signature(letter.task_name, args, kwargs, immutable=True)
        letter.replayed_as = apply_on_commit(signature, root_id=letter.root_id or None, **options)
        _settle(letter, DeadLetter.State.REPLAYED)
    return letter.replayed_as


def discard(letter_id: int) -> None:
    """Put a letter aside: nothing is sent. Raises NotWaitingError."""
    with transaction.atomic():
        _settle(_waiting(letter_id), DeadLetter.State.DISCARDED)


def purge() -> int:
    """Delete letters that were settled longer ago than RETENTION, and return how many. Again: those of since then."""
    deleted, _ = DeadLetter.objects.filter(settled_at__lt=timezone.now() - RETENTION).delete()
    return deleted


def _waiting(letter_id: int) -> DeadLetter:
    letter = DeadLetter.objects.select_for_update().filter(pk=letter_id).first()
    if letter is None:
        msg = f"There is no dead letter {letter_id}."
        raise NotWaitingError(msg)
    if letter.state != DeadLetter.State.WAITING:
        msg = f"Dead letter {letter_id} is {letter.state} already."
        raise NotWaitingError(msg)
    return letter


def _settle(letter: DeadLetter, state: DeadLetter.State) -> None:
    letter.state = state
    letter.settled_at = timezone.now()
    letter.save(update_fields=["state", "settled_at", "replayed_as"])
