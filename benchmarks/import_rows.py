"""The example's import of 100,000 rows by one bulk worker of two processes, against the same rows in one plain loop.

Run in a baked project: `python benchmarks/import_rows.py PROJECT_FOLDER`. Both use a fresh SQLite database of the project's
own settings. The loop is what a script would do without Celery: read with `csv.DictReader`, convert, `bulk_create`.
Prints seconds and their ratio, pair by pair, and the largest memory (PSS and RSS, MB) of a child of the worker.
"""

import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

QUEUES = ("critical", "default", "bulk")

PLAIN_LOOP = """
import csv, sys, time
from datetime import UTC, datetime
from decimal import Decimal
import django; django.setup()
from django.conf import settings
from django.apps import apps
Import, OrderLine = apps.get_model("orders", "Import"), apps.get_model("orders", "OrderLine")
began = time.monotonic()
one = Import.objects.create(name="plain", digest="plain")
lines = []
with open(sys.argv[1], newline="") as file:
    for number, row in enumerate(csv.DictReader(file), 2):
        if None in row.values():
            continue  # a broken row
        try:
            lines.append(OrderLine(
                import_file=one, line=number, invoice_no=row["InvoiceNo"], stock_code=row["StockCode"],
                description=row["Description"], quantity=int(row["Quantity"]), unit_price=Decimal(row["UnitPrice"]),
                invoiced_at=datetime.strptime(row["InvoiceDate"], "%m/%d/%y %H:%M").replace(tzinfo=UTC),
                customer_id=row["CustomerID"], country=row["Country"], cancelled=row["InvoiceNo"].startswith("C"),
            ))
        except (ValueError, ArithmeticError):
            continue
OrderLine.objects.bulk_create(lines, batch_size=1000)
print(time.monotonic() - began)
"""


def memory_of_children(pid: int) -> tuple[float, float]:
    """Return the largest PSS and RSS, in MB, of the children of a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    largest = (0.0, 0.0)
    for child in children:
        try:
            rollup = Path(f"/proc/{child}/smaps_rollup").read_text()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in rollup.splitlines()[1:]}
        largest = (max(largest[0], sizes["Pss"]), max(largest[1], sizes["Rss"]))
    return largest


@dataclass
class Pair:
    """One import and one loop over the same rows: seconds, and megabytes of the largest child."""

    rows_in: float
    finished: float
    loop: float
    pss: float
    rss: float


def measure(folder: Path, rows: int) -> Pair:
    """Import a sample, then read its file in a loop, each on a database of its own."""
    # From the baked project, whose Python runs this.
    from sandbox.brokers import Redis, free_ports  # noqa: PLC0415
    from sandbox.project import ROOT, Project, Site  # noqa: PLC0415

    with Redis() as redis, Project(folder, redis.url, redis.url) as project:
        (port,) = free_ports(1)
        project.start("web", "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
        workers = {queue: project.start(queue, "manage.py", "worker", queue) for queue in QUEUES}
        site = Site(f"http://127.0.0.1:{port}")
        project.wait_for("web", site.is_up)
        project.wait_for("the workers", lambda: all(b" ready." in project.log(queue).read_bytes() for queue in QUEUES))

        sent = time.monotonic()
        page = site.post("/imports/sample/", rows=rows)
        rows_in, pss, rss = 0.0, 0.0, 0.0

        def is_over() -> bool:
            nonlocal rows_in, pss, rss
            state = json.loads(site.get(f"{page.rstrip('/')}.json"))
            now = memory_of_children(workers["bulk"].pid)
            pss, rss = max(pss, now[0]), max(rss, now[1])
            if not rows_in and state["rows"] and state["imported"] + state["refused"] == state["rows"]:
                rows_in = time.monotonic() - sent
            return not state["running"]

        project.wait_for("the import", is_over, 300)
        finished = time.monotonic() - sent
        for name in ("web", *QUEUES):
            project.stop(name)

        sample = next((folder / "media" / "imports").iterdir())
        project.environment["DATABASE_URL"] = f"sqlite:///{folder}/loop.sqlite3"
        project.manage("migrate", "--verbosity=0")
        command = [sys.executable, "-c", PLAIN_LOOP, str(sample)]
        loop = subprocess.run(command, cwd=ROOT, env=project.environment, check=True, stdout=subprocess.PIPE, text=True)
        return Pair(rows_in, finished, float(loop.stdout), pss, rss)


def main() -> None:
    """Measure in turns, and print."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    sys.path.insert(0, str(options.project.resolve()))

    pairs = []
    print(f"{options.rows:,} rows, {os.cpu_count()} cores\n\n      import: rows in   finished   plain loop   loop / rows in")
    for number in range(1, options.pairs + 1):
        with TemporaryDirectory() as folder:
            pair = measure(Path(folder), options.rows)
        pairs.append(pair)
        ratio = pair.loop / pair.rows_in
        print(f"{number:>4}  {pair.rows_in:>13.2f} s {pair.finished:>8.2f} s {pair.loop:>10.2f} s {ratio:>14.2f}", flush=True)
    ratios = [pair.loop / pair.rows_in for pair in pairs]
    print(f"\nmedian ratio {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    pss, rss = max(pair.pss for pair in pairs), max(pair.rss for pair in pairs)
    print(f"largest child of the bulk worker: {pss:.0f} MB PSS, {rss:.0f} MB RSS")


if __name__ == "__main__":
    main()
