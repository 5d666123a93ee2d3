"""Where code awaits outside a function, as a notebook's cell may; and tasks that it leaves."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_STARTS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe"})


def awaits(statements: Iterable[ast.AST]) -> bool:
    """Tell whether ``statements`` await outside a function, ``async for`` and ``with`` included."""
    return any(
        isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
        or (isinstance(node, ast.comprehension) and bool(node.is_async))
        for statement in statements
        for node in outside_functions(statement)
    )


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield ``node`` and what is within it, without the bodies of functions."""
    if isinstance(node, _FUNCTIONS):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from outside_functions(child)


def tasks_left(statements: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield calls that start a task in a cell which does not await it: it goes on afterwards.

    In functions these are the calls of which nothing is kept.
    """
    awaited = {
        name.id
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Await)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    inside = {
        id(call)
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Await)
        for call in ast.walk(node)
    }
    for statement in statements:
        outside = {id(node) for node in outside_functions(statement)}
        for node in ast.walk(statement):
            if isinstance(node, ast.Expr):
                yield from _started([node.value])
            elif isinstance(node, ast.Assign) and id(node) in outside:
                stored = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                if not stored & awaited:
                    kept = [each for each in ast.walk(node.value) if id(each) not in inside]
                    yield from _started(kept)


def _started(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    for node in nodes:
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else ""
            name = function.attr if isinstance(function, ast.Attribute) else name
            if name in _STARTS:
                yield node
