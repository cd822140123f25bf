"""Tasks that note that they ran, in Redis: outside the broker's and the database's own books."""

import redis
from celery import shared_task
from django.conf import settings

from {{ cookiecutter.project_slug }}.tasking.queues import DEFAULT
from {{ cookiecutter.project_slug }}.tasking.transport import redis_database

DATABASE = 9


@shared_task(
    queue=DEFAULT,
)
def note(book: str, entry: str) -> None:
    """Add an entry to a book. Again: it stands there twice, which is what the ledger is for."""
    with redis.Redis.from_url(redis_database(settings.CELERY_RESULT_BACKEND, DATABASE)) as client:
        client.rpush(book, entry)
