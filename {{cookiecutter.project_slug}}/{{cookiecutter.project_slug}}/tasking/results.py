"""A Redis for results whose chords end once: with their body or, if a part failed, with their errback.

With Celery's own, the errback of a chord is called by each part that failed and by the chord too
(`task_allow_error_cb_on_chord_header`), or else by nobody if the chord goes on as a chain, as after `Task.replace`.
Here the chord alone calls it, when all its parts are through, with the id of a part that failed.

It builds on internals of Celery 5.7: `chord_error_from_stack`, `_unpack_chord_result`, `_call_task_errbacks`.
"""

from typing import Any

from celery.backends import redis
from celery.canvas import Signature, _chain, _chord
from celery.exceptions import ChordError


class Backend(redis.RedisBackend):
    """Redis as the result backend."""

    def chord_error_from_stack(self, callback: Any, exc: Any = None) -> Any:
        """Fail a chord in place of its body."""
        if found := errbacks(callback):
            callback.options["link_error"] = found
        return super().chord_error_from_stack(callback, exc)  # type: ignore[misc]

    def _unpack_chord_result(self, tup: Any, decode: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._unpack_chord_result(tup, decode, *args, **kwargs)  # type: ignore[misc]
        except ChordError as error:
            error.failed_task_id = decode(tup)[1]  # type: ignore[attr-defined]
            raise

    def _call_task_errbacks(self, request: Any, exc: Any, traceback: Any) -> None:
        if failed_task_id := getattr(exc, "failed_task_id", None):
            # Celery's request is that of the body, which never ran, and has lost the workflow's root.
            request.id = failed_task_id
            request.root_id = request.options.get("root_id")
        super()._call_task_errbacks(request, exc, traceback)  # type: ignore[misc]


def errbacks(body: Signature[Any]) -> list[Any]:
    """Return the errbacks of a chord's body; a chain's may stand on its first task, which was there before the chain."""
    if own := body.options.get("link_error"):
        return list(own)
    if isinstance(body, _chain) and body.tasks:
        return errbacks(body.tasks[0])
    if isinstance(body, _chord):
        return errbacks(body.body)
    return []
