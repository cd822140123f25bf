"""Write .env from .env.example, with secrets of its own: each `<random:NAME>` becomes one, the same for the same name.

Needs nothing but Python: `make` runs it in a fresh clone, before anything is installed.
"""

import os
import re
import secrets
import string
from pathlib import Path

# Letters and digits only: a secret may stand in a URL, in a shell and in YAML without quotes.
ALPHABET = string.ascii_letters + string.digits
SECRET_LENGTH = 50  # Django's deployment check asks for as much of its secret key.


def write(folder: Path) -> None:
    """Write `.env` in this folder. Raises FileExistsError rather than replace one that is in use."""
    drawn: dict[str, str] = {}

    def draw(placeholder: re.Match[str]) -> str:
        return drawn.setdefault(placeholder[1], "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH)))

    env = re.sub(r"<random:(\w+)>", draw, (folder / ".env.example").read_text(encoding="utf-8"))
    # Created with its mode, so that at no moment anybody else can read it.
    descriptor = os.open(folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(env)


if __name__ == "__main__":
    write(Path(__file__).parents[1])
