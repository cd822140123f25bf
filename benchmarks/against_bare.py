"""What the protections cost: a baked project against a bare one of Django and Celery, on both brokers, in turns.

Run in a baked project: `python benchmarks/against_bare.py PROJECT_FOLDER`; `make bench` does. Ratios are of pairs that were
measured one after the other, ours to bare; CPU is the steady figure on a machine with other things to do. `--quick`
is for a look. `--json FILE` writes every figure, and `--last FILE` compares with such a file.
"""

import json
import os
import platform
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import celery
import django
import redis
from goals import CHORDS, Figures, Found, losses, print_table
from sides import LEDGER, Side, bare, cpu, leave, memory, ours, variables, wait_until, waiting

SEND = """
from celery import group
count = int(sys.argv[1])
signatures = [noop.s() for _ in range(count)]
noop.delay()
began, used = time.monotonic(), time.process_time()
{send}
print(json.dumps([count / (time.monotonic() - began), (time.process_time() - used) / count * 1000]))
"""
PUBLISH = SEND.format(send="for _ in signatures: noop.delay()")
GROUP = SEND.format(send="group(signatures).apply_async()")

CLICK = """
for _ in range(int(sys.argv[1])):
    stamp.delay(time.time())
    time.sleep(float(sys.argv[2]))
"""

BURN = "for _ in range(int(sys.argv[1])): burn.delay(0.02)"


class Bench:
    """Measures one side on one broker."""

    def __init__(self, side: Side, broker_url: str, ledger_url: str, *, quick: bool) -> None:
        self.side, self.broker_url = side, broker_url
        self.ledger = redis.Redis.from_url(ledger_url)
        self.tasks = 3_000 if quick else 20_000
        self.clicks = 60 if quick else 200
        self.burning = 500 if quick else 2_000
        self.chords = dict(list(CHORDS.items())[:1]) if quick else CHORDS

    def measure(self) -> Figures:
        """Return all figures, by the names of MEASURES."""
        return {**self.throughput(), **self.idle(), **self.behind_bulk()}

    def queue(self, task: str) -> int:
        return waiting(self.broker_url, self.side.queues[task])

    def stamps(self, count: int) -> list[float]:
        """Wait for so many tasks to have started; return after how many seconds each did, and forget them."""
        wait_until(lambda: self.ledger.llen("stamps") >= count)
        found = [float(stamp) for stamp in self.ledger.lrange("stamps", 0, -1)]
        self.ledger.delete("stamps")
        return found

    def throughput(self) -> Figures:
        """Fill the queue, then start a worker: when the first is taken, how fast the others follow, and at what cost."""
        with self.side.working("default"):  # declares the queue
            self.side.run("noop.delay()")
            wait_until(self.has_run_all)
        rate, cost = self.side.run(PUBLISH, self.tasks // 2)
        rate_of_group, cost_in_group = self.side.run(GROUP, self.tasks // 2)
        full = self.queue("noop")
        with self.side.working("default") as (worker,):
            wait_until(lambda: self.queue("noop") < full)
            began, used, left = time.monotonic(), cpu(worker), self.queue("noop")
            wait_until(self.has_run_all)
            seconds, spent = time.monotonic() - began, cpu(worker) - used
            after = memory(worker)
        return {
            "drained": left / seconds,
            "worker CPU": spent / left * 1000,
            "published": rate,
            "producer CPU": cost,
            "published in a group": rate_of_group,
            "producer CPU, in a group": cost_in_group,
            "memory of a worker, after them": after,
        }

    def has_run_all(self) -> bool:
        return self.queue("noop") == 0

    def idle(self) -> Figures:
        """Have tasks arrive one by one; before the first, the worker starts. Last, chords."""
        self.side.run(CLICK, 1, 0)
        began = time.monotonic()
        with self.side.working("critical", "default") as (worker, *_):
            self.stamps(1)
            first = time.monotonic() - began
            at_rest = memory(worker)
            self.side.run(CLICK, self.clicks, 0.05)
            p50, p99 = percentiles(self.stamps(self.clicks))
            chords = {name: self.side.chord(parts, self.ledger) for name, parts in self.chords.items()}
        return {
            "start to first task": first,
            "memory of a worker, idle": at_rest,
            "idle, to start, p50": p50,
            "idle, to start, p99": p99,
            **chords,
        }

    def behind_bulk(self) -> Figures:
        """Have clicks arrive while tasks of 20 ms CPU wait on `bulk`, which in the bare project is the one queue."""
        with self.side.working("critical", "bulk"):
            self.side.run(CLICK, 1, 0)
            self.stamps(1)
            self.side.run(BURN, self.burning)
            self.side.run(CLICK, self.clicks, 0.05)
            if not self.queue("burn"):
                msg = "the bulk work was over before the last click"
                raise RuntimeError(msg)
            p50, p99 = percentiles(self.stamps(self.clicks))
        return {"behind bulk, to start, p50": p50, "behind bulk, to start, p99": p99}


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in milliseconds."""
    return median(seconds) * 1000, quantiles(seconds, n=100)[98] * 1000


def compare(project: Path, pairs: int, *, quick: bool, report: Callable[[str], None]) -> Found:
    """Measure both sides on both brokers in turns."""
    # From the baked project, whose Python runs this.
    from sandbox.brokers import RabbitMQ, Redis  # noqa: PLC0415

    found: Found = {}
    with TemporaryDirectory() as folder, Redis() as results, Redis() as redis_broker, RabbitMQ() as rabbitmq:
        for broker in (redis_broker, rabbitmq):
            found[broker.name] = []
            for number in range(pairs):
                at = Path(folder) / f"{broker.name}{number}"
                pair = []
                for make in (bare, ours):
                    place = at / make.__name__
                    place.mkdir(parents=True)
                    with broker.fresh(), results.fresh():
                        environment = variables(place, broker.url, results.url, results.database_url(LEDGER))
                        side = make(project if make is ours else place, environment)
                        pair.append(Bench(side, broker.url, environment["LEDGER_URL"], quick=quick).measure())
                    report(f"{broker.name} {number + 1}/{pairs} {side.name}")
                found[broker.name].append((pair[0], pair[1]))
    leave(project)
    return found


def main() -> None:
    """Measure, print a table for each broker, and write the figures if asked to."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--quick", action="store_true", help="fewer tasks, one pair")
    parser.add_argument("--last", type=Path, help="figures of an earlier run; what has become a fifth worse is a warning")
    parser.add_argument("--json", type=Path, help="where to write every figure")
    options = parser.parse_args()
    project = options.project.resolve()
    sys.path.insert(0, str(project))

    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    versions = f"Celery {celery.__version__}, Django {django.__version__}"
    print(f"{machine}, {versions}, {time.strftime('%Y-%m-%d')}")
    pairs = options.pairs or (1 if options.quick else 3)
    found = compare(project, pairs, quick=options.quick, report=lambda line: print(f"  {line}", file=sys.stderr, flush=True))
    for broker, measured in found.items():
        print_table(broker, measured)
    if options.last:
        for loss in losses(found, json.loads(options.last.read_text())["measured"]):
            print(f"::warning::{loss}")
    if options.json:
        content = {"machine": machine, "versions": versions, "measured": found}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
