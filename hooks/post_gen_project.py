"""Finish the project: remove what the answers exclude, write `.env` with fresh secrets, say what to do next."""

import contextlib
import json
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# See the same line in `pre_gen_project.py`.
ANSWERS: dict[str, Any] = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
PACKAGE = ANSWERS["project_slug"]

# What stays only if the answer says so. A folder stands for all that is in it.
OPTIONAL = (
    (
        ANSWERS["include_example"],
        (f"{PACKAGE}/orders", "tests/unit/orders", "tests/durability/orders", "sandbox/demo.py"),
    ),
    (ANSWERS["include_workshop"], ("workshop", "docs/workshop")),
    (ANSWERS["ci"] == "github", (".github",)),
    (ANSWERS["ci"] == "gitlab", (".gitlab-ci.yml",)),
)


@contextlib.contextmanager
def what_goes_wrong_is_said() -> Iterator[None]:
    """Keep the project: by now it is rendered and of use."""
    try:
        yield
    except OSError as error:
        print(f"The project is made, but: {error}", file=sys.stderr)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


if __name__ == "__main__":
    for wanted, paths in OPTIONAL:
        for path in () if wanted else paths:
            with what_goes_wrong_is_said():
                remove(Path(path))
    with what_goes_wrong_is_said():
        # What the project runs itself in a fresh clone, where there is no .env either.
        runpy.run_path("sandbox/dotenv.py")["write"](Path())
    print(f"\nYour project is ready. Next:\n\n    cd {PACKAGE}\n    make {'demo' if ANSWERS['include_example'] else 'dev'}\n")
