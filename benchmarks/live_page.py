"""What one update of an import's page costs the server at 2,000 chunks, the worst there can be: no two neighbours alike.

Run in a baked project: `python benchmarks/live_page.py PROJECT_FOLDER`. A fresh SQLite database of the project's own settings,
and Django's test client, so that nothing is counted but the view. Prints milliseconds and bytes.
"""

import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

CHUNKS, ROWS, REFUSED = 2_000, 50, 500
ROUNDS = 50


def main(project: Path, folder: Path) -> None:
    os.chdir(project)
    sys.path.insert(0, str(project))
    os.environ |= {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "LOG_LEVEL": "ERROR",
    }
    import django  # noqa: PLC0415 - now it has settings

    django.setup()

    from django.apps import apps  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import setup_test_environment  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    setup_test_environment()
    call_command("migrate", verbosity=0)
    model = apps.get_app_config("orders").get_model
    one = model("Import").objects.create(name="x.csv", digest="x", state="importing", rows=CHUNKS * ROWS, attempt=1)
    chunks = model("Chunk").objects.bulk_create(
        model("Chunk")(import_file=one, number=n, rows=ROWS, offset=n % 2, line=1, end=1, imported=ROWS * (n % 2))
        for n in range(CHUNKS)
    )
    states = ("done", "running", "retrying")
    model("Step").objects.bulk_create(
        model("Step")(
            import_file=one,
            chunk=chunk,
            attempt=1,
            name="import_chunk",
            task_id=str(chunk.pk),
            state="done" if chunk.offset else states[chunk.number // 2 % len(states)],
            began_at=timezone.now(),
        )
        for chunk in chunks
    )
    model("RowError").objects.bulk_create(
        model("RowError")(import_file=one, line=n, column="Quantity", value="six", reason="not a whole number, such as 6 or -1")
        for n in range(REFUSED)
    )
    client, address = Client(), f"/imports/{one.pk}/live/"
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        page = client.get(address)
        took.append(1000 * (time.perf_counter() - began))
    print(f"page of {CHUNKS:,} chunks: {median(took):.0f} ms ({min(took):.0f} to {max(took):.0f}), {len(page.content):,} bytes")


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(sys.argv[1]).resolve(), Path(temporary))
