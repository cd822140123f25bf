"""What an experiment does to the worker that comes across it, right before a task begins."""

import os
import signal
from contextlib import suppress
from typing import Any

import redis
from celery import Task
from celery.signals import task_prerun

from .. import conf, tasks
from . import experiments

RATES_URL = conf.RATES_URL
#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9"

#: Read once: a shared task looks itself up for each attribute, and this runs before every task.
CHUNK, FETCH = tasks.import_chunk.name, tasks.fetch_rates_of.name


@task_prerun.connect
def suffer(task: Task[..., Any], args: Any, **_: Any) -> None:
    """Kill this process in front of a chunk, or lead a question for exchange rates astray."""
    # Where Redis is the broker and is stopped, no other experiment is on.
    with suppress(redis.RedisError):
        if task.name == CHUNK:
            if experiments.is_to_be_killed() or experiments.is_poisoned(args[0]):
                os.kill(os.getpid(), signal.SIGKILL)
        elif task.name == FETCH:
            conf.RATES_URL = NOWHERE if experiments.RATES.is_on() else RATES_URL
