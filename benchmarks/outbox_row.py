"""What it costs to write a message with the transaction before it is published: `delay_on_commit` against `delay`.

Run in a baked project: `python benchmarks/outbox_row.py PROJECT_FOLDER`. A fresh SQLite database of the project's own settings
and a private Redis as the broker; the two in turns. Prints milliseconds for each message.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sides import LEDGER, leave, ours, variables

MESSAGES, ROUNDS = 500, 5

SEND = """
send = getattr(noop, sys.argv[1])
send()
began, used = time.monotonic(), time.process_time()
for _ in range(int(sys.argv[2])):
    send()
print(json.dumps([time.monotonic() - began, time.process_time() - used]))
"""


def main(project: Path) -> None:
    """Measure, and print."""
    os.chdir(project)
    sys.path.insert(0, str(project))
    # From the baked project, whose Python runs this.
    from sandbox.brokers import Redis  # noqa: PLC0415

    with TemporaryDirectory() as folder, Redis() as redis:
        side = ours(project, variables(Path(folder), redis.url, redis.url, redis.database_url(LEDGER)))
        try:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0", "--skip-checks"], env=side.environment, check=True
            )
            found = [[side.run(SEND, how, MESSAGES) for how in ("delay", "delay_on_commit")] for _ in range(ROUNDS)]
        finally:
            leave(project)
    for what, index in (("time", 0), ("CPU", 1)):
        direct, with_row = ([1000 * pair[which][index] / MESSAGES for pair in found] for which in (0, 1))
        costs = [after - before for before, after in zip(direct, with_row, strict=True)]
        print(
            f"a message, {what}: delay {median(direct):.2f} ms, delay_on_commit {median(with_row):.2f} ms; "
            f"the row and its transaction {median(costs):.2f} ms ({min(costs):.2f} to {max(costs):.2f})"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
