"""What the pages of `docs/` refer to, and whether it is there: names in files, sections of pages."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


class BrokenReferenceError(LookupError):
    """A page names what is not there."""


def follow(reference: str, *folders: Path) -> None:
    """Look for `path` or `path::name` in the first of the folders that has the path. Raises BrokenReferenceError."""
    file, _, name = reference.partition("::")
    path = next((folder / file for folder in folders if (folder / file).is_file()), None)
    if path is None or (name and name not in names(path)):
        raise BrokenReferenceError(reference)


@cache
def names(path: Path) -> frozenset[str]:
    """Return what a Python file defines: functions, classes, constants, and as `Class.name` what a class has."""
    return frozenset(_defined(ast.parse(path.read_text(encoding="utf-8")).body, ""))


def _defined(body: Iterable[ast.stmt], prefix: str) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name, body=inner):
                yield prefix + name
                yield from _defined(inner, f"{prefix}{name}.")
            case ast.Assign(targets=targets):
                yield from (prefix + name for target in targets for name in _assigned(target))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case ast.If(body=inner, orelse=other):
                yield from _defined([*inner, *other], prefix)


def _assigned(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        # In `module.name = 1` the module is only read.
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def texts(folder: Path) -> Iterator[str]:
    """Yield every text that stands in the code of a folder's Python files, comments left out."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub and GitLab give to the headings of a page in Markdown."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> list[str]:
    """Return the links of a page that lead to no file, or to no section of it; those into the web are left alone."""
    page = path.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", page) if "://" not in target]
    return [target for target in targets if not _leads_somewhere(path, target)]


def _leads_somewhere(path: Path, target: str) -> bool:
    file, _, section = target.partition("#")
    other = path.parent / file if file else path
    return other.exists() and (not section or section in anchors(other.read_text(encoding="utf-8")))
