# mypy: ignore-errors
"""What the checks are to find: at the end of a line, the id of the check that names it and how its message begins.

`manage.py check --settings tests.careless.settings` shows them all.
"""

import io
import time
from enum import Enum
from typing import Annotated, Any

from celery import Task, chain, chord, group, shared_task
from celery.result import AsyncResult, GroupResult, allow_join_result
from django.contrib.auth.models import Group
from django.core.files import File
from django.db.models import QuerySet
from django.http import HttpRequest

from {{ cookiecutter.project_slug }}.tasking.checks import no_check
from {{ cookiecutter.project_slug }}.tasking.errors import TransientError
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, DEFAULT

NAP = 30


class Colour(Enum):
    """No plain value."""

    RED = "red"


# --- What the decorator says ------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT)  # W012 It does not say whether it is idempotent
def says_nothing() -> None: ...


@shared_task(queue=DEFAULT, idempotent=False)  # W012 It says that it is not idempotent
def says_no() -> None: ...


@shared_task(queue=DEFAULT, acks_late=False, retry_on_worker_lost=True)  # W012 It does not say
def sent_again_when_its_process_is_lost() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, time_limit=0)  # E016 It has no time_limit
def never_killed() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, soft_time_limit=0)  # E016 It has no soft_time_limit
def never_warned() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, soft_time_limit=60, time_limit=60)  # E016 It is killed after 60 s
def warned_too_late() -> None: ...


@shared_task(queue=BULK, idempotent=True, soft_time_limit=60, time_limit=7200)  # E006 A worker may hold its message
def outlasts_the_broker() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, max_retries=None)  # E017 It is retried without end
def never_gives_up() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, retry_kwargs={"max_retries": None})  # E017 It is retried without end
def never_gives_up_either() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, retry_backoff=False)  # W018 Its retries come after the same wait
def comes_back_at_once() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, retry_jitter=False)  # W018 Its retries come at the same moments
def comes_back_with_the_others() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, autoretry_for=(Exception,))  # E019 autoretry_for names Exception
def retries_bugs() -> None: ...


@shared_task(queue="defualt", idempotent=True)  # E020 Its queue 'defualt' does not exist
def misspelt() -> None: ...


@shared_task(queue="unread", idempotent=True)  # E020 Its queue 'unread' is read by no worker
def unread() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)  # E029 no_check names 'tasking.W999'
@no_check("tasking.W999", reason="There is no such check.")
def silences_nothing() -> None: ...


# --- What it takes ----------------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT, idempotent=True)  # E021 Its parameter 'group' is annotated with Group
def takes_a_model(group: Group) -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)  # E021 Its parameter 'groups' is annotated with QuerySet
def takes_a_queryset(groups: QuerySet[Group]) -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)  # E021 Its parameter 'request' is annotated with HttpRequest
def takes_a_request(request: HttpRequest) -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)  # E021 Its parameter 'upload' is annotated with File
def takes_a_file(upload: File) -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)  # E021 Its parameter 'stream' is annotated with BytesIO
def takes_a_stream(stream: io.BytesIO) -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, bind=True)  # E021 Its parameter 'colours' is annotated with Colour
def takes_objects_in_a_list(self: Task[..., None], colours: list[Colour | None]) -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)  # E021 Its parameter 'ids' is annotated with set
def takes_a_set(*, ids: Annotated[set[int], "of the parcels"]) -> None: ...


# --- What it does -----------------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT, idempotent=True, bind=True)
def remembers(self: Any) -> None:
    self.seen = 1  # E022 It keeps state on itself
    self.cache["seen"] += 1  # E022 It keeps state on itself
    setattr(self, "seen", 2)  # noqa: B010  # E022 It keeps state on itself
    del self.seen  # E022 It keeps state on itself


@shared_task(queue=DEFAULT, idempotent=True)
def waits() -> None:
    never_killed.delay().get()  # E023 It waits for another task's result
    never_killed.apply_async().get(10)  # E023 It waits for another task's result
    result = never_killed.delay()
    result.get(timeout=1)  # E023 It waits for another task's result
    result.wait(3)  # E023 It waits for another task's result
    AsyncResult("1").get(propagate=False)  # E023 It waits for another task's result
    group(never_killed.si()).apply_async().join()  # E023 It waits for another task's result
    GroupResult.restore("1").join_native()  # E023 It waits for another task's result


@shared_task(queue=DEFAULT, idempotent=True)
def allows_itself_to_wait(result: Any) -> None:
    with allow_join_result():  # E023 It waits for another task's result
        result.collect()
    result.get("", disable_sync_subtasks=False)  # E023 It waits for another task's result


@shared_task(queue=DEFAULT, idempotent=True)
def sleeps() -> None:
    time.sleep(1.5)  # W024 It sleeps for 1.5 s
    time.sleep(NAP)  # W024 It sleeps for 30 s


@shared_task(queue=DEFAULT, idempotent=True, bind=True)
def says_not_when(self: Task[..., None]) -> None:
    try:
        sleeps()
    except TransientError as error:
        raise self.retry(exc=error)  # noqa: B904  # W018 self.retry() without a countdown


# --- Who waits for it -------------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT, idempotent=True)
def part() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)
def fans_out() -> None:
    chord([part.si()], sleeps.si())()  # W025 A chord counts it
    chord(header=[part.si() for _ in range(3)], body=sleeps.si()).delay()  # W025 A chord counts it
    (group(part.s(), part.s()) | sleeps.si()).delay()  # W025 A chord counts it  # W025 A chord counts it
    parts = [chain(sleeps.si(), part.si())]  # W025 A chord counts it
    chord(parts, sleeps.si()).delay()
