"""How cost grows: with processes, with what waits in a queue, with the parts of a chord, with the rows of a file.

Run in a baked project: `uv run --with matplotlib python benchmarks/growth.py PROJECT_FOLDER --plots FOLDER`. Prints each
point and draws a plot (SVG) of each kind, ours and bare on both brokers. A quarter of an hour.
"""

import re
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import redis
from kombu import Connection
from sides import LEDGER, Side, bare, cpu, leave, ours, variables, wait_until, waiting

#: Sent one by one; more would measure the publisher.
TASKS = 3_000

PUBLISH = "for _ in range(int(sys.argv[1])): noop.delay()"


@dataclass
class Plot:
    """One kind of growth: a line for each side on each broker."""

    name: str
    x: str
    y: str
    steps: Sequence[int]
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, line: str, x: float, y: float) -> None:
        self.lines.setdefault(line, []).append((x, y))
        print(f"{self.name:<12} {line:<16} {x:>9,.0f} {self.x:<18} {y:>9.3g} {self.y}", flush=True)


PROCESSES = Plot("processes", "processes", "no-ops per second", (1, 2, 4))
DEPTH = Plot("depth", "waiting", "ms CPU of the worker per no-op", (1_000, 10_000, 100_000))
CHORDS = Plot("chords", "parts", "ms per part, from the call to the body", (10, 100, 1_000, 10_000))
ROWS = Plot("rows", "rows", "seconds until all are in", (10_000, 100_000, 1_000_000))


def start_of_worker(side: Side, processes: int) -> list[str]:
    """Return what starts a worker with so many processes, and is otherwise that of the table or of the guide."""
    if side.name == "bare":
        return ["-m", "celery", "-A", "bare", "worker", "-l", "INFO", f"--concurrency={processes}"]
    flags = ["--queues=default", "--hostname=default@%h", f"--concurrency={processes}", "--prefetch-multiplier=2"]
    return ["-m", "celery", "--app=config", "worker", "--loglevel=INFO", *flags]


def fill(url: str, queue: str, count: int) -> None:
    """Put copies of the one message that waits on a queue beside it, fast."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url, decode_responses=True) as client, client.pipeline(transaction=False) as pipe:
            message = client.lindex(queue, 0)
            for _ in range(count):
                tag, task = str(uuid4()), str(uuid4())
                copy = re.sub(r'("delivery_tag": )"[^"]+"', rf'\1"{tag}"', message)
                pipe.lpush(queue, re.sub(r'("(?:correlation_id|id|root_id)": )"[^"]+"', rf'\1"{task}"', copy))
            pipe.execute()
        return
    with Connection(url) as connection:
        channel = connection.default_channel
        message = channel.basic_get(queue, no_ack=True)
        for _ in range(count + 1):
            task = str(uuid4())
            message.properties["correlation_id"] = message.headers["id"] = message.headers["root_id"] = task
            channel.basic_publish(message, exchange="", routing_key=queue)


def by_processes(side: Side, url: str, line: str) -> None:
    queue = side.queues["noop"]
    for processes in PROCESSES.steps:
        side.run(PUBLISH, TASKS)
        side.workers["default"] = start_of_worker(side, processes)
        with side.working("default"):
            wait_until(lambda: waiting(url, queue) < TASKS - 200)
            began, left = time.monotonic(), waiting(url, queue)
            wait_until(lambda: waiting(url, queue) == 0)
            PROCESSES.add(line, processes, left / (time.monotonic() - began))
    side.workers["default"] = start_of_worker(side, 2)


def by_depth(side: Side, url: str, line: str) -> None:
    queue = side.queues["noop"]
    for depth in DEPTH.steps:
        side.run("noop.delay()")
        fill(url, queue, depth)
        with side.working("default") as (worker,):
            wait_until(lambda depth=depth: waiting(url, queue) < depth - 100)
            used, left = cpu(worker), waiting(url, queue)
            wait_until(lambda left=left: waiting(url, queue) <= max(left - 2_000, 0))
            done = left - waiting(url, queue)
            DEPTH.add(line, depth, (cpu(worker) - used) / done * 1000)
        with Connection(url) as connection:
            connection.default_channel.queue_purge(queue)


def by_parts(side: Side, ledger: redis.Redis, line: str) -> None:
    with side.working("default"):
        # The first, of two, is for the worker to start.
        for parts in (2, *CHORDS.steps):
            seconds = side.chord(parts, ledger)
            if parts in CHORDS.steps:
                CHORDS.add(line, parts, seconds / parts * 1000)


def by_rows() -> None:
    from import_rows import measure  # noqa: PLC0415 - it imports the baked project

    for rows in ROWS.steps:
        with TemporaryDirectory() as folder:
            one = measure(Path(folder), rows)
        ROWS.add("import", rows, one.rows_in)
        ROWS.add("plain loop", rows, one.loop)


@contextmanager
def sides(project: Path) -> Iterator[list[tuple[Side, str, redis.Redis, str]]]:
    """Start two brokers and a Redis for results; yield each side on each, with the ledger and a name."""
    from sandbox.brokers import RabbitMQ, Redis  # noqa: PLC0415 - the baked project's, whose Python runs this

    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        results = stack.enter_context(Redis())
        found = []
        for broker in (stack.enter_context(Redis()), stack.enter_context(RabbitMQ())):
            for make in (bare, ours):
                place = folder / broker.name / make.__name__
                place.mkdir(parents=True)
                # Celery keeps what is held under names that are the same for all.
                url = broker.database_url(1) if broker.name == "redis" and make is bare else broker.url
                environment = variables(place, url, results.url, results.database_url(LEDGER))
                side = make(project if make is ours else place, environment)
                side.workers["default"] = start_of_worker(side, 2)
                ledger = redis.Redis.from_url(environment["LEDGER_URL"])
                found.append((side, url, ledger, f"{side.name}, {broker.name}"))
        yield found


def draw(plot: Plot, folder: Path) -> None:
    """Draw a plot on logarithmic axes, readable on light and dark."""
    import matplotlib as mpl  # noqa: PLC0415 - only where plots are asked for

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "same"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for name, points in plot.lines.items():
        axes.plot(
            *zip(*points, strict=True), marker="o", linestyle="--" if name.startswith(("bare", "plain")) else "-", label=name
        )
    axes.set(xscale="log", yscale="log" if plot is ROWS else "linear", xlabel=plot.x, ylabel=plot.y)
    axes.set_ylim(bottom=None if plot is ROWS else 0)
    axes.set_xticks(plot.steps, [f"{step:,}" for step in plot.steps], minor=False)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / f"performance-{plot.name}.svg", metadata={"Date": None})


def main() -> None:
    """Measure, print and draw."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--plots", type=Path, help="where to draw them")
    parser.add_argument("--quick", action="store_true", help="leave out the largest of each, but for processes")
    options = parser.parse_args()
    project = options.project.resolve()
    sys.path.insert(0, str(project))
    if options.quick:
        for plot in (DEPTH, CHORDS, ROWS):
            plot.steps = plot.steps[:-1]
    with sides(project) as measured:
        for side, url, ledger, line in measured:
            by_processes(side, url, line)
            by_depth(side, url, line)
            by_parts(side, ledger, line)
    leave(project)
    by_rows()
    if options.plots:
        for plot in (PROCESSES, DEPTH, CHORDS, ROWS):
            draw(plot, options.plots)


if __name__ == "__main__":
    main()
