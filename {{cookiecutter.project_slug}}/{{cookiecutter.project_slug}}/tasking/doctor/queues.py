"""What is said of a queue on either broker."""

from .finding import Finding, count, failure, ok, warning


def missing(subject: str, why: str) -> Finding:
    """Tell that messages for a queue get nowhere."""
    return failure(subject, f"does not exist{why}", "Start a worker: each declares all queues.")


def uncollected(subject: str, waiting: int) -> Finding:
    """Tell what lies in the queue of the dead letters."""
    if not waiting:
        return ok(subject, "empty")
    return warning(
        subject,
        f"{count(waiting, 'dead letter')} not collected yet",
        "Beat has them collected each 10 s; `manage.py dead_letters list` does it now.",
    )
