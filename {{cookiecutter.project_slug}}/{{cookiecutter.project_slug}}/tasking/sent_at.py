"""When a message was sent, as a header of it: so that whoever sees the message knows how long it has waited."""

import time
from typing import Any

from celery.signals import before_task_publish

#: Seconds since the epoch.
SENT_AT = "sent_at"


@before_task_publish.connect
def date(headers: dict[str, Any], **_: Any) -> None:
    """Date a message that is about to be published: each try of a task has its own, and Celery's tasks have one too."""
    headers[SENT_AT] = time.time()
