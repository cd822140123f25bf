"""The models, each from the module that it belongs to."""

from .idempotency import IdempotencyKey
from .outbox.models import OutboxMessage

__all__ = ["IdempotencyKey", "OutboxMessage"]
