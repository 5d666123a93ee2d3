"""Bare expressions at a cell's end that only display something."""

from __future__ import annotations

import ast
from functools import cache

from nbprod.analysis.library_table import data_file


@cache
def _harmless(kind: str) -> frozenset[str]:
    """Return the ``methods`` or ``functions`` that change nothing and print nothing."""
    return frozenset(data_file("display")["display"][kind])


def only_displays(
    node: ast.expr, is_library: frozenset[str], lively: frozenset[str] = frozenset()
) -> bool:
    """Whether evaluating ``node`` certainly has no effect, so that it only displays.

    Args:
        node: The expression.
        is_library: Names of imported modules, of which functions may be called.
        lively: Names of what may change when it is read, such as a ``defaultdict``.
    """
    if isinstance(node, ast.Subscript | ast.Attribute):
        names = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
        if names & lively:
            return False
    if isinstance(node, ast.Call):
        return _harmless_call(node, is_library, lively)
    if isinstance(node, ast.Lambda | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
        return False
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return False
    return all(
        only_displays(child, is_library, lively)
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.expr)
    )


def _harmless_call(node: ast.Call, is_library: frozenset[str], lively: frozenset[str]) -> bool:
    arguments = [*node.args, *(word.value for word in node.keywords)]
    if any(word.arg in {None, "inplace", "out", "ax"} for word in node.keywords):
        return False
    if not all(only_displays(argument, is_library, lively) for argument in arguments):
        return False
    function = node.func
    if isinstance(function, ast.Name):
        return function.id in _harmless("functions")
    if isinstance(function, ast.Attribute) and function.attr in _harmless("methods"):
        return not _root_is(function.value, is_library) and only_displays(
            function.value, is_library, lively
        )
    return False


def _root_is(node: ast.expr, names: frozenset[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names
