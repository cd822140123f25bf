# mypy: ignore-errors
"""What looks like a mistake and is none: the checks are to be silent about all of it."""

import queue
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from enum import StrEnum
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, TypedDict
from uuid import UUID

from celery import Task, chain, chord, group, shared_task

from {{ cookiecutter.project_slug }}.tasking.checks import no_check
from {{ cookiecutter.project_slug }}.tasking.errors import TransientError
from {{ cookiecutter.project_slug }}.tasking.queues import BULK, DEFAULT, QUEUES

if TYPE_CHECKING:
    from django.http import HttpRequest

SECOND = 1.0

#: Who is asked for a `.get()` that is no result's.
TENANT = ContextVar("TENANT", default="")
BOXES: "queue.Queue[int]" = queue.Queue()

OrderId = NewType("OrderId", int)
type Prices = Mapping[str, Decimal]


class Size(StrEnum):
    """A text, in a message too."""

    SMALL = "s"


class Parcel(TypedDict):
    """A dict, in a message too."""

    weight: float


# --- What the decorator says ------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT, acks_late=False)
def acknowledged_early() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, soft_time_limit=59, time_limit=60)
def warned_in_time() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, time_limit=QUEUES[DEFAULT].soft_time_limit + 1)
def half_its_own_limits() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, max_retries=0, retry_backoff=False, retry_jitter=False)
def never_retried() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, autoretry_for=())
def retried_for_nothing() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True, autoretry_for=(TransientError, LookupError))
def retried_for_something() -> None: ...


@shared_task(idempotent=True)
def on_the_default_queue() -> None: ...


@shared_task(queue=DEFAULT)
@no_check("tasking.W012", reason="A second mail does no harm.")
def silenced() -> None: ...


# --- What it takes ----------------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT, idempotent=True)
def takes_plain_values(  # noqa: PLR0917
    number: int | None,
    when: date,
    key: UUID,
    anything: Any,
    whatever: object,
    order: OrderId,
    prices: Prices,
    parcels: list[Parcel],
    mode: Literal["fast", "slow"],
    size: Size,
    ids: Annotated[Sequence[int], "of the parcels"],
    unannotated=None,
    *more: str,
    **rest: dict[str, bool],
) -> set[int]:
    return set()


@shared_task(queue=DEFAULT, idempotent=True)
def takes_what_only_the_type_checker_knows(request: "HttpRequest") -> None: ...


# --- What it does -----------------------------------------------------------------------------------------------------


@shared_task(queue=DEFAULT, idempotent=True, bind=True)
def remembers_nothing(self: Task[..., None], parcel: Parcel) -> int:
    seen = self.request.retries
    parcel["weight"] += 1

    class Box:
        def fill(self) -> None:
            self.full = True

    Box().fill()
    return seen


@shared_task(queue=DEFAULT, idempotent=True)
def waits_for_no_task(options: dict[str, int], names: list[str]) -> None:
    options.get("timeout")
    options.get("timeout", 3)
    ", ".join(names)
    TENANT.get()  # no result
    BOXES.get(timeout=1)  # a box, no result
    thread = Thread()
    thread.join()  # no result
    acknowledged_early.delay()


@shared_task(queue=DEFAULT, idempotent=True)
def sleeps_little(seconds: float) -> None:
    time.sleep(1)
    time.sleep(SECOND)
    time.sleep(seconds)


@shared_task(queue=DEFAULT, idempotent=True)
@no_check("tasking.W024", reason="The scanner needs two seconds between pages.")
def sleeps_with_a_reason() -> None:
    time.sleep(2)


@shared_task(queue=DEFAULT, idempotent=True, bind=True)
def says_when(self: Task[..., None], options: dict[str, Any]) -> None:
    if options:
        raise self.retry(**options)
    raise self.retry(countdown=2**self.request.retries)


# --- Who waits for it -------------------------------------------------------------------------------------------------


@shared_task(queue=BULK, idempotent=True, ignore_result=False)
def part() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)
def step() -> None: ...


@shared_task(queue=DEFAULT, idempotent=True)
def fans_out() -> None:
    chord([part.si()], step.si()).delay()
    chord([chain(step.si(), part.si()), step.si() | part.si()], step.si()).delay()
    group(step.si(), step.si()).delay()
    chain(step.si(), step.si()).delay()
    steps = [step.si()]
    chain(*steps).delay()
    chord([chain(*steps)], step.si()).delay()
