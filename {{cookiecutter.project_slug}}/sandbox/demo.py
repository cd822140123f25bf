"""`make demo`: the example's workflow on a real broker, with a bar that shows it run and the report at the end."""

import json
import secrets
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from {{ cookiecutter.project_slug }}.tasking.queues import QUEUES

from .brokers import Redis, ServerMissing, free_ports
from .project import ProcessDiedError, Project, Site

ROWS = 20_000
BAR = 40
#: Seconds in which the import ought to be finished.
TIMEOUT = 120


def main() -> int:
    """Run the demo; return 0 if the import finished."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, until Ctrl-C")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    # However it is told to end, it stops what it started.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            run(stack, options.rows, keep=options.keep)
    except KeyboardInterrupt:
        print("\nStopped.")
    except (ServerMissing, ProcessDiedError, TimeoutError, RuntimeError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def run(stack: ExitStack, rows: int, *, keep: bool) -> None:
    """Start everything, import a sample, show it. What was started is stopped when the stack is closed."""
    began = time.monotonic()
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="demo-")))
    redis = stack.enter_context(Redis())
    login = f"flower:{secrets.token_urlsafe(8)}"
    web, flower = free_ports(2)
    flower_url = f"http://127.0.0.1:{flower}"
    project = Project(folder, redis.url, redis.url, FLOWER_BASIC_AUTH=login, FLOWER_URL=flower_url)
    stack.enter_context(project)
    project.start("web", "manage.py", "runserver", "--noreload", f"127.0.0.1:{web}")
    for queue in QUEUES:
        project.start(queue, "manage.py", "worker", queue)
    project.start("beat", "-m", "celery", "--app=config", "beat")
    project.start("flower", "manage.py", "flower", f"--port={flower}")
    site = Site(f"http://127.0.0.1:{web}")
    project.wait_for("the web server", site.is_up)
    print(f"Started in {time.monotonic() - began:.1f} s: Redis, web, {len(QUEUES)} workers, beat, Flower.\n")

    page = site.post("/imports/sample/", rows=rows)
    sent = time.monotonic()
    print(f"Importing {rows:,} rows: {site.url}{page}\n")

    def status() -> Any:
        state = json.loads(site.get(f"{page.rstrip('/')}.json"))
        show_bar(state, time.monotonic() - sent)
        return state if not state["running"] else None

    state = project.wait_for("the import", status, TIMEOUT)
    print("\n" if sys.stdout.isatty() else "", flush=True)
    if state["state"] != "finished":
        msg = state["refusal"] or state["failure"] or f"The import stopped: {state['state']}."
        raise RuntimeError(msg)
    show_report(state)
    print(f"\n{rows:,} rows in {time.monotonic() - sent:.1f} s.\n")
    if keep:
        print(f"  The import  {site.url}{page}")
        print(f"  All of them {site.url}/")
        print(f"  Flower      {flower_url}/  ({login})")
        print(f"  The logs    {folder}")
        print("\nCtrl-C stops it all.", flush=True)
        project.wait_for("Ctrl-C", lambda: False, float("inf"))


def show_bar(state: dict[str, Any], seconds: float) -> None:
    """Print how far the import is, over what was printed before; nothing where the output is no terminal."""
    if not sys.stdout.isatty():
        return
    done = state["imported"] + state["refused"]
    filled = BAR * done // state["rows"] if state["rows"] else 0
    bar = "#" * filled + "." * (BAR - filled)
    line = f"  [{bar}] {done:>9,} / {state['rows']:,} rows  {seconds:5.1f} s  {state['state']:<10}"
    print(f"\r{line}", end="", flush=True)


def show_report(state: dict[str, Any]) -> None:
    """Print the report of a finished import."""
    report = state["report"]
    print(f"  {state['imported']:,} rows imported, {state['refused']:,} refused, {report['cancelled']:,} cancelled")
    print(f"  {report['invoices']:,} invoices of {report['customers']:,} customers\n")
    print(f"  {'Month':<10}{'GBP':>14}{'EUR':>14}{'USD':>14}")
    for month in [*report["months"], {"month": "all", **report["revenue"]}]:
        print(f"  {month['month']:<10}" + "".join(f"{float(month[code]):>14,.0f}" for code in ("GBP", "EUR", "USD")))


if __name__ == "__main__":
    sys.exit(main())
