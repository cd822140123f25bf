"""`python -m workshop.play 5 workshop.lessons.lesson05.careless`: one version of a lesson, in a process of its own.

The last line that it prints is the outcome as JSON.
"""

import sys
from importlib import import_module

from .stage import set_stage

if __name__ == "__main__":
    number, tasks = sys.argv[1:]
    with set_stage(tasks) as stage:
        scenario = import_module(f"workshop.lessons.lesson{int(number):02}.scenario")
        print(scenario.play(stage, import_module(tasks)).to_json(), flush=True)
