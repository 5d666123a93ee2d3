"""Follow calls of the notebook's own functions: their bodies, with what they are given."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nbprod.analysis.lint.rows import NOTHING, Facts, joined

if TYPE_CHECKING:
    from nbprod.analysis.lint.following import Follower
    from nbprod.analysis.lint.following_calls import Call

_DEEPEST = 3  # calls within calls that are followed
_MOST = 400  # calls that are followed in one notebook


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the notebook.

    Attributes:
        node: Its definition.
        cell: Number of its cell.
        line: Tells the cell's line of a line of its code.
    """

    node: ast.FunctionDef
    cell: int
    line: Callable[[int], int]


def followed(follower: Follower, function: Function, called: Call) -> Facts | None:
    """Return what a call gives; ``None`` if it is too deep, or not known what it is given."""
    node = function.node
    starred = "" in called.keywords or any(isinstance(e, ast.Starred) for e in called.node.args)
    if starred or len(follower.sites) >= _DEEPEST or follower.followed >= _MOST:
        return None
    if node.name in {name for name, _ in follower.sites}:
        return None
    follower.followed += 1
    given, sources = _given(follower, node, called)
    outside = (dict(follower.names), follower.aliases, follower.arguments, follower.returned)
    follower.names.update(given)
    follower.aliases = {name: follower.source_text(each) for name, each in sources.items()}
    follower.arguments = {**_defaults(node), **sources}
    follower.returned = []
    follower.sites.append((node.name, f"{follower.key(called.node)}>"))
    with follower.at(function.cell, function.line):
        follower.run(node.body)
    follower.sites.pop()
    returned, changed = follower.returned, follower.names
    follower.names, follower.aliases, follower.arguments, follower.returned = outside
    _hand_back(follower, node, sources, given, changed)
    if not returned:
        return NOTHING
    return returned[0] if len(returned) == 1 else joined(returned)


def decided(arguments: dict[str, ast.expr], test: ast.expr) -> bool | None:
    """Tell how a test ends for what the function was given; ``None`` if that is not known.

    Args:
        arguments: Parameters and what they were given, or their defaults.
        test: The test, such as ``scaler is None`` or ``training``.
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = decided(arguments, test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.Name):
        given = arguments.get(test.id)
        return bool(given.value) if isinstance(given, ast.Constant) else None
    if not isinstance(test, ast.Compare) or not isinstance(test.left, ast.Name):
        return None
    given, operator, other = arguments.get(test.left.id), test.ops[0], test.comparators[0]
    if given is None or not isinstance(other, ast.Constant):
        return None
    if other.value is not None and not isinstance(given, ast.Constant):
        return None
    # What is passed on is something: whoever has nothing to pass leaves the argument out.
    same = isinstance(given, ast.Constant) and given.value == other.value
    if isinstance(operator, ast.Is | ast.Eq):
        return same
    return not same if isinstance(operator, ast.IsNot | ast.NotEq) else None


def _defaults(node: ast.FunctionDef) -> dict[str, ast.expr]:
    arguments = node.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    found = dict(zip(names[::-1], arguments.defaults[::-1], strict=False))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {**found, **{each.arg: default for each, default in pairs if default is not None}}


def _given(
    follower: Follower, node: ast.FunctionDef, called: Call
) -> tuple[dict[str, Facts], dict[str, ast.expr]]:
    """Return what each parameter holds, and the expression that it was given."""
    arguments = node.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    every = [*names, *(each.arg for each in arguments.kwonlyargs)]
    given: dict[str, Facts] = dict.fromkeys(every, NOTHING)
    given.update({name: follower.value(each) for name, each in _defaults(node).items()})
    given.update(zip(names, called.positional, strict=False))
    given.update({name: value for name, value in called.keywords.items() if name in given})
    sources = dict(zip(names, called.node.args, strict=False))
    sources.update({word.arg: word.value for word in called.node.keywords if word.arg in given})
    return given, sources


def _hand_back(
    follower: Follower,
    node: ast.FunctionDef,
    sources: dict[str, ast.expr],
    given: dict[str, Facts],
    changed: dict[str, Facts],
) -> None:
    """What the function wrote into a table that it was given stands in the caller's table."""
    rebound = {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    for name, source in sources.items():
        now = changed.get(name, NOTHING)
        if name in rebound or not isinstance(source, ast.Name) or now is given[name]:
            continue
        before = follower.names.get(source.id, NOTHING)
        follower.names[source.id] = replace(
            before, leaks=before.leaks | now.leaks, random=before.random | now.random
        )
