"""The id of the HTTP request that caused a task, however many tasks lie between: a field of each line of the log.

A proxy may give it, as `X-Request-ID`, and the answer carries it. A message carries it as a header.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from celery._state import get_current_task
from celery.signals import before_task_publish
from django.http import HttpRequest, HttpResponseBase

#: The header of a request and of its answer, and that of a message.
HTTP_HEADER, HEADER = "X-Request-ID", "request_id"

#: What is taken over from a proxy; anything else could be a line of the log that somebody made up.
SOUND = re.compile(r"[\w.:-]{1,64}")

_of_this_request: ContextVar[str] = ContextVar(HEADER, default="")


def current() -> str:
    """Return the id of the request that is at work, or that caused the task at work; nothing if there is none."""
    if task := get_current_task():
        return str(getattr(task.request, HEADER, None) or "")
    return _of_this_request.get()


def middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give each request an id, and its answer the same."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HTTP_HEADER, "")
        request_id = given if SOUND.fullmatch(given) else uuid4().hex
        token = _of_this_request.set(request_id)
        try:
            response = get_response(request)
        finally:
            _of_this_request.reset(token)
        response.headers[HTTP_HEADER] = request_id
        return response

    return answer


@before_task_publish.connect
def note(headers: dict[str, Any], **_: Any) -> None:
    """Note it on a message that is about to be published; one that waited in the outbox has it already."""
    if HEADER not in headers and (request_id := current()):
        headers[HEADER] = request_id
