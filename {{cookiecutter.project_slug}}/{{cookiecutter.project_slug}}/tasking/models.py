"""The tables of this app; each is defined next to what it is for."""

from .canary import Canary
from .dead_letters.models import DeadLetter
from .idempotency import IdempotencyKey
from .outbox.models import OutboxMessage

__all__ = ["Canary", "DeadLetter", "IdempotencyKey", "OutboxMessage"]
