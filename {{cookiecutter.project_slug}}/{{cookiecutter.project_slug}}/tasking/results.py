"""A Redis for results: a success that is stored stays; chords end, and once, with their body or their errback.

Celery's own looks for a success before it stores anything else, and so two processes may both find none. Here the look
and the write are one step, and one round trip: a tenth less CPU for a part of a chord. And it listens for the results
of a group as soon as that is sent, here as soon as somebody waits.

With Celery's own, the errback of a chord is called by each part that failed and by the chord too
(`task_allow_error_cb_on_chord_header`), or else by nobody if the chord goes on as a chain, as after `Task.replace`.
Here the chord alone calls it, when all its parts are through, with the id of a part that failed. (If the body is a
group, once for each of its tasks, as Celery does.)

And with Celery's own, a chord hangs for ever if the process that has counted the last part dies before it has sent the
body. Here whoever does the part again, or finds that child dead, sees to the body. Nor does a part fail, or the chord
hang, because the connection to Redis is lost while a part is counted: that is tried again, as it is for a result.

It builds on internals of Celery 5.7: `_store_result`, `_set`, a weak `add_pending_result`, `chord_error_from_stack`,
`_unpack_chord_result`, `_call_task_errbacks`, the script that counts a part, and a chord's key `.c`, the claim of who
sends the body.
"""

from functools import cached_property
from typing import Any

from celery import states
from celery.app.task import Context
from celery.backends import redis
from celery.canvas import maybe_signature
from celery.exceptions import ChordError

#: Store a value for so many seconds (0: for ever) and tell who waits for it, unless a success is stored.
STORE = """
local stored = redis.call('GET', KEYS[1])
if stored and cjson.decode(stored).status == 'SUCCESS' then
    return
end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then
    redis.call('EXPIRE', KEYS[1], ARGV[2])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
"""


class _ClaimedByAnotherError(Exception):
    """All parts of a chord are counted, this one not for the first time, and who was to send the body may be dead."""


class Backend(redis.RedisBackend):
    """Redis as the result backend."""

    app: Any

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **_: Any
    ) -> Any:
        meta = self._get_result_meta(result, state, traceback, request)  # type: ignore[attr-defined]
        stored = self.encode({**meta, "task_id": task_id})
        self._set_with_state(self.get_key_for_task(task_id), stored, state)  # type: ignore[attr-defined]
        return result

    def _set(self, key: bytes, value: str, expires: int | None = None) -> None:
        seconds = self.expires if expires is None else expires  # type: ignore[attr-defined]
        self._store(keys=[key], args=[value, seconds or 0], client=self.client)

    @cached_property
    def _store(self) -> Any:
        return self.client.register_script(STORE)

    def add_pending_result(self, result: Any, *arguments: Any, weak: bool = False, **options: Any) -> Any:
        """Listen for a result. A group that is sent asks for it weakly: nobody waits yet, see `iter_native`.

        Celery's own makes a subscription for each task of a group, a fifth of what sending it takes and in vain where
        no result is kept; if this Redis is away, the group cannot be sent.
        """
        return None if weak else super().add_pending_result(result, *arguments, **options)

    def iter_native(self, result: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for the results of a group, for `get`: only now those that are not here yet are listened for."""
        missing = [part for part in result.results if not getattr(part, "_cache", True)]
        self.add_pending_results(missing)  # type: ignore[attr-defined]
        return super().iter_native(result, *arguments, **options)

    def on_chord_part_return(self, request: Any, state: str, result: Any, *_: Any, **__: Any) -> None:
        """Count a part of a chord; at the last one, send the body or call the errbacks. Again: what is not done yet."""
        if request.group:
            self.ensure(self._count, (request, state, result))

    def _count(self, request: Any, state: str, result: Any) -> None:
        try:
            super().on_chord_part_return(request, state, result)
        except _ClaimedByAnotherError:
            # A task comes back for the claim when it has expired.
            claimed_for = self.client.ttl(self.get_key_for_group(request.group, ".c"))
            part = {name: getattr(request, name) for name in ("id", "group", "group_index", "chord")}
            finish = self.app.signature(f"{__package__}.tasks.finish_chord", (part,))
            finish.apply_async(countdown=max(claimed_for, 0) + 1)

    @cached_property
    def _chord_part_return_script(self) -> Any:
        count_part = self.client.register_script(redis.CHORD_PART_RETURN_LUA)  # type: ignore[attr-defined]

        def count(**call: Any) -> list[Any]:
            counted, difference, size, is_claimed = told = count_part(**call)
            if size and counted == int(size) + int(difference or 0) and not is_claimed:
                raise _ClaimedByAnotherError
            return list(told)

        return count

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
