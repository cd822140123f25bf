"""What children share with their worker."""

import gc

from celery.signals import worker_before_create_process


def test_the_collector_leaves_alone_what_was_there_before_a_fork() -> None:
    try:
        worker_before_create_process.send(sender=None)
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
