"""Do a thing once, however often its message arrives: a key that is committed together with the effect.

What it cannot do: undo an effect outside the database, such as a mail, when the transaction fails after it. Take the
key first, do the effect last.
"""

from datetime import timedelta

from django.db import IntegrityError, models, transaction
from django.utils import timezone

#: Keys older than this are deleted. It must be longer than a message can wait: in a backlog, as a dead letter that a
#: person replays after a holiday.
RETENTION = timedelta(days=30)


class IdempotencyKey(models.Model):
    """Something that is done."""

    key = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.key


def first_time(key: str) -> bool:
    """Whether nobody has committed this key; if so, it is committed together with the current transaction.

        with transaction.atomic():
            if first_time(f"refund:{refund_id}"):
                account.credit(amount)

    A second caller at the same time waits for the first one's transaction: after its commit the answer is no, after
    its rollback yes. Raises TransactionManagementError outside a transaction of the default database, where key and
    effect could not be one, and ValueError for a key that is too long.
    """
    if not transaction.get_connection().in_atomic_block:
        msg = "first_time() belongs into transaction.atomic(), together with what is to happen once."
        raise transaction.TransactionManagementError(msg)
    if len(key) > 200:
        msg = f"An idempotency key has at most 200 characters: {key[:50]}..."
        raise ValueError(msg)
    try:
        with transaction.atomic():
            IdempotencyKey.objects.create(key=key)
    except IntegrityError:
        return False
    return True


def purge() -> int:
    """Delete keys older than RETENTION and return how many. Again: those that are too old by then."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - RETENTION).delete()
    return deleted
