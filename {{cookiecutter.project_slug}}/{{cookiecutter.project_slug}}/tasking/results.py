"""A Redis for results whose chords end, and once: with their body or, if a part failed, with their errback.

With Celery's own, the errback of a chord is called by each part that failed and by the chord too
(`task_allow_error_cb_on_chord_header`), or else by nobody if the chord goes on as a chain, as after `Task.replace`.
Here the chord alone calls it, when all its parts are through, with the id of a part that failed. (If the body is a
group, once for each of its tasks, as Celery does.)

And with Celery's own, a chord hangs for ever if the process that has counted the last part dies before it has sent the
body. Here whoever does the part again, or finds that child dead, sees to the body. Nor does a part fail, or the chord
hang, because the connection to Redis is lost while a part is counted: that is tried again, as it is for a result.

It builds on internals of Celery 5.7: `chord_error_from_stack`, `_unpack_chord_result`, `_call_task_errbacks`, and the
keys of a chord: `.d`, the parts counted; `.s`, their number, gone at the end; `.c`, the claim of who sends the body.
"""

from typing import Any

from celery import states
from celery.app.task import Context
from celery.backends import redis
from celery.canvas import maybe_signature
from celery.exceptions import ChordError


class Backend(redis.RedisBackend):
    """Redis as the result backend."""

    app: Any

    def on_chord_part_return(self, request: Any, state: str, result: Any, *_: Any, **__: Any) -> None:
        """Count a part of a chord; at the last one, send the body or call the errbacks. Again: what is not done yet."""
        if request.group:
            self.ensure(self._count, (request, state, result))

    def _count(self, request: Any, state: str, result: Any) -> None:
        parts, size, claim = (self.get_key_for_group(request.group, key) for key in (".d", ".s", ".c"))
        index = "+inf" if request.group_index is None else request.group_index
        with self.client.pipeline() as pipe:
            counted, claimed_for = pipe.sismember(parts, f"{request.id}:{index}").ttl(claim).execute()
        super().on_chord_part_return(request, state, result)
        if counted and claimed_for >= 0 and self.client.exists(size):
            # Who holds the claim may be dead: a task comes back for it when it has expired.
            part = {name: getattr(request, name) for name in ("id", "group", "group_index", "chord")}
            finish = self.app.signature(f"{__package__}.tasks.finish_chord", (part,))
            finish.apply_async(countdown=claimed_for + 1)

    def chord_error_from_stack(self, callback: Any, exc: Any = None) -> Any:
        """Fail a chord in place of its body, and the chord around it if it is a part of one."""
        if callback.subtask_type == "group":
            return super().chord_error_from_stack(callback, exc)
        around = callback.options.get("chord")
        callback.options["link_error"] = self._errbacks(callback, around)
        failure = super().chord_error_from_stack(callback, exc)
        if around:
            part = Context(callback.options, id=callback.id, group=callback.options.get("group_id"))
            self.on_chord_part_return(part, states.FAILURE, exc)
        return failure

    def _unpack_chord_result(self, tup: Any, decode: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._unpack_chord_result(tup, decode, *args, **kwargs)  # type: ignore[misc]
        except ChordError as error:
            error.failed_task_id = decode(tup)[1]  # type: ignore[attr-defined]
            raise

    def _call_task_errbacks(self, request: Any, exc: Any, traceback: Any) -> None:
        if request.chord:
            told = self._errbacks(request.chord)
            request.errbacks = [errback for errback in request.errbacks if errback not in told]
        if failed_task_id := getattr(exc, "failed_task_id", None):
            # Celery's request is that of the body, which never ran, and has lost the workflow's root.
            request.id = failed_task_id
            request.root_id = getattr(request, "options", {}).get("root_id")
        super()._call_task_errbacks(request, exc, traceback)  # type: ignore[misc]

    def _errbacks(self, body: Any, around: Any = None) -> list[Any]:
        """Return the errbacks of a chord's body, but for those that the body of the chord around it has as well.

        Those of a chain may stand on its first task, which had them before it was made a chain.
        """
        if not body:
            return []
        signature: Any = maybe_signature(body, app=self.app)
        while not signature.options.get("link_error") and signature.subtask_type in {"chain", "chord"}:
            signature = signature.tasks[0] if signature.subtask_type == "chain" else signature.body
        told = self._errbacks(around)
        return [errback for errback in signature.options.get("link_error") or () if errback not in told]
