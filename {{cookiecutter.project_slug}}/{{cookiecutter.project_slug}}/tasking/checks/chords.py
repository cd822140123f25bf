"""What a chord counts, read from the syntax tree of the module that makes it. Nothing is executed."""

import ast
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import celery
from celery import Task

from .source import Function, functions, tree, value_of

#: What makes a signature of a task.
SIGNATURES = {"s", "si", "signature", "subtask"}


def chord_parts(module: ModuleType) -> Iterator[tuple[str, str, int]]:
    """Yield name, path and line of each task that a chord of this module counts, as far as can be read."""
    path = module.__file__ or ""
    module_tree = tree(path)
    if module_tree is None or not vars(module).keys() & {"chord", "group", "celery"}:
        return
    for scope in [module_tree, *functions(path).values()]:
        for node in _own_nodes(scope):
            for header in _headers(node, vars(module)):
                for part in _parts(header, _assigned(scope), depth=3):
                    task = value_of(part, vars(module))
                    if isinstance(task, Task):
                        yield task.name, path, part.lineno


def _headers(node: ast.AST, names: Mapping[str, Any]) -> Iterator[ast.expr]:
    """Yield what a chord counts: of `chord(header, body)` and of `group(...) | body`."""
    match node:
        case ast.Call(func=function, args=[header, *_]) if value_of(function, names) is celery.chord:
            yield header
        case ast.Call(func=function, keywords=keywords) if value_of(function, names) is celery.chord:
            yield from (keyword.value for keyword in keywords if keyword.arg == "header")
        case ast.BinOp(left=ast.Call(func=function) as group, op=ast.BitOr()):
            if value_of(function, names) is celery.group:
                yield group


def _parts(node: ast.AST, assigned: Mapping[str, list[ast.expr]], depth: int) -> Iterator[ast.expr]:
    """Yield the expressions of the tasks in a header. Of a chain in it, a chord counts the last task."""
    match node:
        case ast.Call(func=ast.Attribute(value=task, attr=name)) if name in SIGNATURES:
            yield task
        case ast.Call(func=ast.Name("chain") | ast.Attribute(attr="chain"), args=[*_, last]):
            if not isinstance(last, ast.Starred):  # which of them is the last cannot be read
                yield from _parts(last, assigned, depth)
        case ast.BinOp(op=ast.BitOr(), right=last):
            yield from _parts(last, assigned, depth)
        case ast.Name(name) if depth:
            for value in assigned.get(name, []):
                yield from _parts(value, assigned, depth - 1)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _parts(child, assigned, depth)


def _assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name in a function or module."""
    assigned: dict[str, list[ast.expr]] = {}
    for node in _own_nodes(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
    return assigned


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function or module, but not in the functions in it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, Function):
            yield child
            yield from _own_nodes(child)
