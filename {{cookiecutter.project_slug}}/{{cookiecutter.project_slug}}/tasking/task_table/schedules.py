"""What beat sends, and when, in a few words."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import BaseSchedule, crontab, maybe_schedule, schedule

UNITS = (("day", 24 * 60 * 60), ("h", 60 * 60), ("min", 60), ("s", 1))
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the schedule that sends a task. Times are in seconds, None where there is none."""

    name: str
    #: In a few words: `every 10 s`, `daily 03:30`, or the five fields of cron.
    when: str
    every: float | None
    cron: str | None
    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]


def entries(app: Celery, task: str) -> list[Entry]:
    """Return the entries of the schedule that send the task of this name, in their order."""
    found = app.conf.beat_schedule.items()
    return [_entry(name, settings) for name, settings in found if settings["task"] == task]


def _entry(name: str, settings: dict[str, Any]) -> Entry:
    times: Any = maybe_schedule(settings["schedule"])
    options = settings.get("options") or {}
    return Entry(
        name=name,
        when=words(times),
        every=_interval(times),
        cron=" ".join(_fields(times)) if isinstance(times, crontab) else None,
        args=[*settings.get("args", ())],
        kwargs={**settings.get("kwargs", {})},
        options={key: _seconds(value) for key, value in options.items()},
    )


def words(times: BaseSchedule) -> str:
    """Return when a schedule is due, in a few words."""
    if isinstance(times, crontab):
        return _words_of_cron(*_fields(times))
    interval = _interval(times)
    return str(times).strip("<>") if interval is None else f"every {duration(interval)}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit in which it is a whole number: `90 s`, `2 h`."""
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size and seconds % size == 0), UNITS[-1])
    return f"{seconds / size:g} {unit}"


def _interval(times: Any) -> float | None:
    # Cron's schedule, too, is a subclass of the one of intervals.
    return float(times.run_every.total_seconds()) if type(times) is schedule else None  # type: ignore[attr-defined]


def _fields(times: crontab) -> list[str]:
    """Return the fields in cron's order: minute, hour, day of the month, month, day of the week."""
    state: Any = times.__reduce__()
    minute, hour, weekday, day, month = state[1]
    return [_field(value) for value in (minute, hour, day, month, weekday)]


def _field(value: Any) -> str:
    """Return a field as cron writes it; Celery takes a number, a text, or several numbers."""
    if isinstance(value, (int, str)):
        return str(value).replace(" ", "")
    return ",".join(map(str, sorted(value)))


def _words_of_cron(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    moment = _moment(minute, hour)
    match day, month, weekday:
        case "*", "*", "*" if moment:
            return f"daily {moment}"
        case "*", "*", _ if moment and "/" not in weekday:
            return f"{re.sub('[0-7]', _name_of_weekday, weekday)} {moment}"
        case _, "*", "*" if moment and day.isdecimal():
            return f"monthly, day {day}, {moment}"
        case "*", "*", "*" if hour == "*" and minute.isdecimal():
            return f"hourly :{minute:0>2}"
        case "*", "*", "*" if hour == "*" and (step := _step(minute)):
            return f"every {step} min"
    return f"cron {minute} {hour} {day} {month} {weekday}"


def _moment(minute: str, hour: str) -> str | None:
    return f"{hour:0>2}:{minute:0>2}" if hour.isdecimal() and minute.isdecimal() else None


def _step(minute: str) -> int | None:
    """Return how many minutes lie between two moments, if it is always the same number."""
    step = "1" if minute == "*" else minute.removeprefix("*/")
    return int(step) if step.isdecimal() and int(step) and 60 % int(step) == 0 else None


def _name_of_weekday(digit: re.Match[str]) -> str:
    return WEEKDAYS[int(digit[0]) % 7]


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
