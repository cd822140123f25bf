"""What an experiment does to the worker that comes across it, right before a task begins."""

import os
import signal
from typing import Any

from celery import Task
from celery.signals import task_prerun

from .. import conf, tasks
from . import experiments

RATES_URL = conf.RATES_URL
#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@task_prerun.connect
def suffer(task: Task[..., Any], args: Any, **_: Any) -> None:
    """Kill this process in front of a chunk, or lead a question for exchange rates astray."""
    if task.name == tasks.import_chunk.name:
        if experiments.is_to_be_killed() or experiments.is_poisoned(args[0]):
            os.kill(os.getpid(), signal.SIGKILL)
    elif task.name == tasks.fetch_rates_of.name:
        conf.RATES_URL = NOWHERE if experiments.RATES.is_on() else RATES_URL
