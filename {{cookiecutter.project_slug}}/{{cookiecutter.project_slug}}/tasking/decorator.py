"""Celery's own `shared_task`, for type checkers with what this project's tasks add to it.

At run time it is nothing else: whoever has no type checker may import it from `celery`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Literal, TypedDict, Unpack, overload

from .task import Task

if TYPE_CHECKING:

    class Options(TypedDict, total=False):
        """What a decorator may say. Times are in seconds; what it leaves out, `queues.py` and `task.py` say."""

        name: str
        base: type[Task[..., Any]]
        queue: str
        #: Whether a second run changes nothing. Each task says it.
        idempotent: bool
        acks_late: bool
        retry_on_worker_lost: bool
        ignore_result: bool
        soft_time_limit: int
        time_limit: int
        rate_limit: str
        max_retries: int | None
        autoretry_for: Sequence[type[Exception]]
        dont_autoretry_for: Sequence[type[Exception]]
        retry_backoff: int
        retry_backoff_max: int
        retry_jitter: bool
        default_retry_delay: int
        throws: tuple[type[Exception], ...]
        keep_dead_letter: bool
        expires: float
        priority: int
        pydantic: bool

    @overload
    def shared_task[**P, R](
        *, bind: Literal[True], **options: Unpack[Options]
    ) -> Callable[[Callable[Concatenate[Task[..., Any], P], R]], Task[P, R]]: ...

    @overload
    def shared_task[**P, R](
        *, bind: Literal[False] = False, **options: Unpack[Options]
    ) -> Callable[[Callable[P, R]], Task[P, R]]: ...

    def shared_task(**options: Any) -> Any:
        """Make a task of a function, in whatever app is the current one."""

else:
    from celery import shared_task

__all__ = ["shared_task"]
