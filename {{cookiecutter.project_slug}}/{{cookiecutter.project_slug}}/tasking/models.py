"""The tables of this app; each is defined next to what it is for."""

from .canary import Canary
from .idempotency import IdempotencyKey
from .outbox.models import OutboxMessage

__all__ = ["Canary", "IdempotencyKey", "OutboxMessage"]
