"""What the project does for itself, on a schedule."""

from celery import shared_task

from . import idempotency
from .outbox.relay import relay
from .queues import DEFAULT


@shared_task(
    queue=DEFAULT,
)
def relay_outbox() -> None:
    """Publish what could not be published at its commit. Again: what is left."""
    relay()


@shared_task(
    queue=DEFAULT,
)
def purge_idempotency_keys() -> None:
    """Delete old idempotency keys. Again: nothing."""
    idempotency.purge()
