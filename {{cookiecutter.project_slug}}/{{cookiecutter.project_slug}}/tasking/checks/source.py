"""What a task's code does, read from its syntax tree. Nothing is executed.

It sees what stands in the task itself, not in what that calls.
"""

import ast
import linecache
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from celery import Task

from ..registry import function_of, is_bound

#: At the end of a line: what is asked for its `.get()` or `.join()` is no task's result.
NO_RESULT = re.compile(r"#.*\bno result\b")

#: What makes a result, and what waits for one.
SENDING = {"delay", "apply_async", "send_task"}
RESULTS = {"AsyncResult", "GroupResult", "ResultSet"}
WAITING = {"get", "join", "join_native", "wait", "wait_for", "collect", "get_leaf", "iterate", "iter_native"}
#: Those of an AsyncResult and of a ResultSet, whatever they are called on, if called with none but these.
PLAIN_WAITING = {"get", "join"}
OPTIONS_OF_WAITING = {"timeout", "propagate", "interval", "no_ack", "follow_parents", "callback", "on_message"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """The source of a task."""

    path: str
    line: int
    node: Function
    #: The globals of its module.
    names: Mapping[str, Any]
    #: What the task itself is called in it, if it is bound.
    own: str | None

    def text(self, node: ast.expr) -> str:
        """Return the line on which an expression ends."""
        return linecache.getline(self.path, node.end_lineno or node.lineno)


def source_of(task: Task[..., Any]) -> Source | None:
    """Return the source of a task, or None if there is none, as for one typed in a shell."""
    function = function_of(task)
    code: Any = getattr(function, "__code__", None)
    node = functions(code.co_filename).get(code.co_firstlineno) if code else None
    if node is None:
        return None
    arguments = [*node.args.posonlyargs, *node.args.args]
    own = arguments[0].arg if is_bound(task) and arguments else None
    return Source(code.co_filename, code.co_firstlineno, node, function.__globals__, own)


@lru_cache(maxsize=64)
def tree(path: str) -> ast.Module | None:
    """Return the syntax tree of a file, or None if it cannot be read."""
    source = "".join(linecache.getlines(path))
    return ast.parse(source) if source else None


@lru_cache(maxsize=64)
def functions(path: str) -> dict[int, Function]:
    """Return the functions of a file by their first line, which is that of the first decorator."""
    functions = [node for node in ast.walk(tree(path) or ast.Module([], [])) if isinstance(node, Function)]
    return {min(part.lineno for part in (node, *node.decorator_list)): node for node in functions}


def state_on_self(source: Source) -> Iterator[int]:
    """Yield the lines on which a bound task sets an attribute of itself, or changes what is in one."""
    for node in _in_scope(source.node, source.own):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                if source.own and _root(node) == source.own:
                    yield node.lineno
            case ast.Call(func=ast.Name("setattr"), args=[ast.Name(name), *_]) if name == source.own:
                yield node.lineno


def waits(source: Source) -> Iterator[int]:
    """Yield the lines on which a task waits for another's result, or allows itself to."""
    results = {
        target.id
        for node in ast.walk(source.node)
        if isinstance(node, ast.Assign) and _makes_result(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(source.node):
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=attribute)) if attribute in WAITING:
                is_wait = _makes_result(value, results) or (attribute in PLAIN_WAITING and _is_plain(node))
                if is_wait and not NO_RESULT.search(source.text(node)):
                    yield node.lineno
            case ast.Call(func=ast.Name("allow_join_result") | ast.Attribute(attr="allow_join_result")):
                yield node.lineno
            case ast.keyword(arg="disable_sync_subtasks", value=ast.Constant(False)):
                yield node.value.lineno


def _is_plain(call: ast.Call) -> bool:
    """Whether a call could be one of a result: `.get()` and `.get(timeout=1)`, unlike a dict's `.get("key")`."""
    return not call.args and all(keyword.arg in OPTIONS_OF_WAITING for keyword in call.keywords)


def _makes_result(node: ast.expr, results: set[str]) -> bool:
    """Whether the value of an expression is a result, or has one in it."""
    for part in ast.walk(node):
        match part:
            case ast.Name(name) if name in results | RESULTS:
                return True
            case ast.Call(func=ast.Attribute(attr=name)) if name in SENDING | RESULTS:
                return True
    return False


def sleeps(source: Source) -> Iterator[tuple[int, float]]:
    """Yield the lines on which a task calls `time.sleep`, with the seconds where they are a constant."""
    for node in ast.walk(source.node):
        if not (isinstance(node, ast.Call) and len(node.args) == 1 and value_of(node.func, source.names) is time.sleep):
            continue
        seconds = node.args[0].value if isinstance(node.args[0], ast.Constant) else value_of(node.args[0], source.names)
        if isinstance(seconds, int | float):
            yield node.lineno, seconds


def bare_retries(source: Source) -> Iterator[int]:
    """Yield the lines on which a task retries itself and does not say when."""
    for node in ast.walk(source.node):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(name), attr="retry"), args=[]) if name == source.own:
                # `**options` may say it.
                if not {"countdown", "eta", None} & {keyword.arg for keyword in node.keywords}:
                    yield node.lineno


def _in_scope(function: ast.AST, name: str | None) -> Iterator[ast.AST]:
    """Yield what is in a function, but not in functions in it that have another argument of this name."""
    for child in ast.iter_child_nodes(function):
        is_other = isinstance(child, Function) and name in {argument.arg for argument in child.args.args}
        if not is_other:
            yield child
            yield from _in_scope(child, name)


def _root(node: ast.AST) -> str | None:
    """Return the name that an attribute or item of anything begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def value_of(node: ast.AST, names: Mapping[str, Any]) -> Any:
    """Return what a name, or an attribute of a module, stands for; None if that cannot be read."""
    value: Any = None
    match node:
        case ast.Name(name):
            value = names.get(name)
        case ast.Attribute(value=ast.Name(name), attr=attribute) if isinstance(names.get(name), ModuleType):
            value = getattr(names[name], attribute, None)
    # A shared task is a proxy, whose class only looks like it.
    return value._get_current_object() if hasattr(value, "_get_current_object") else value
