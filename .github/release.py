"""`python3 .github/release.py 1.2.0`: what is unreleased becomes a release, in CHANGELOG.md and in the version.

The workflow `release` commits and tags what this writes. Exits with a sentence if there is nothing to release.
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

UNRELEASED = "## Unreleased\n"


def release(version: str, folder: Path) -> str:
    """Write the release into the files of a folder, and return its notes. Raises ValueError if it cannot be one."""
    changelog, project = folder / "CHANGELOG.md", folder / "pyproject.toml"
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        msg = f"{version!r} is no version: three numbers, such as 1.2.0."
        raise ValueError(msg)
    text = changelog.read_text(encoding="utf-8")
    if f"## {version} " in text:
        msg = f"{version} has been released."
        raise ValueError(msg)
    before, heading, rest = text.partition(UNRELEASED)
    notes, following, older = rest.partition("\n## ")
    if not heading or not notes.strip():
        msg = "CHANGELOG.md: there is nothing under Unreleased."
        raise ValueError(msg)
    today = datetime.now(tz=UTC).date()
    released = f"{before}{UNRELEASED}\n## {version} ({today})\n{notes}{following}{older}"
    changelog.write_text(released, encoding="utf-8")
    configuration = project.read_text(encoding="utf-8")
    project.write_text(
        re.sub(r'^version = ".*"', f'version = "{version}"', configuration, flags=re.MULTILINE), encoding="utf-8"
    )
    return notes.strip()


if __name__ == "__main__":
    try:
        sys.stdout.write(release(sys.argv[1], Path(__file__).parents[1]) + "\n")
    except (ValueError, IndexError) as error:
        sys.exit(str(error))
