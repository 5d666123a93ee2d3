"""Functions that keep what they gave (``lru_cache``): whether a lost cache could be seen.

Where kernels follow each other, such a function begins with an empty cache. Nobody sees that if
it only computes, and if nobody changes what it gave or asks whether it is the same object.
"""

from __future__ import annotations

import ast

from nbprod.analysis import summaries
from nbprod.analysis.measuring import effect
from nbprod.analysis.scopes import FunctionNode
from nbprod.analysis.survey import Survey

_SHOWN = frozenset({"print", "display", "open", "input", "next"})
_AMBIENT = frozenset({"random", "time", "rand"})
_ASKED = frozenset({"cache_info", "cache_clear"})
_ARITHMETIC = (
    ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Compare, ast.JoinedStr,
)  # fmt: skip
_NUMBERS = frozenset({"int", "float", "str", "bool", "len", "abs", "round", "sum", "min", "max"})


def shows_cache(name: str, statement: ast.stmt, survey: Survey) -> bool:
    """Whether it can be seen that a call was answered from the cache.

    Args:
        name: The function's.
        statement: Its definition.
        survey: The facts.
    """
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in _SHOWN:
            return True
        if isinstance(node, ast.Attribute) and node.attr in _AMBIENT:
            return True
    nodes = [node for facts in survey.cells for node in facts.nodes]
    if any(
        isinstance(node, ast.Attribute)
        and node.attr in _ASKED
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        for node in nodes
    ):
        return True
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    summary = summaries.known(survey.memory, survey.memory.region(statement))
    # What it gives to itself is not followed; but it is numbers, or other keys of the cache.
    calls_itself = any(
        isinstance(each, ast.Name) and each.id == name for each in ast.walk(statement)
    )
    if summary is None or (summary.mutated and not calls_itself) or effect(summary):
        return True
    return not _gives_numbers(name, statement) and _is_changed(name, statement, nodes, survey)


def _gives_numbers(name: str, node: FunctionNode) -> bool:
    """Whether all that it returns are results of arithmetic, which nobody can change."""
    given = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    assigned: dict[str, list[ast.expr]] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Assign | ast.AugAssign | ast.AnnAssign) and each.value:
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            for target in targets:
                assigned.setdefault(ast.unparse(target), []).append(each.value)

    def plain(value: ast.expr, depth: int = 0) -> bool:
        if depth > 20 or isinstance(value, ast.Name):
            known = isinstance(value, ast.Name) and depth <= 20
            text = ast.unparse(value)
            places = assigned.get(text, [])
            return (
                known
                and (text in given or bool(places))
                and all(plain(each, depth + 1) for each in places)
            )
        if isinstance(value, ast.Call):
            called = ast.unparse(value.func)
            return called == name or called in _NUMBERS or called.startswith("math.")
        if isinstance(value, ast.Tuple):
            return all(plain(each, depth + 1) for each in value.elts)
        parts = [each for each in ast.iter_child_nodes(value) if isinstance(each, ast.expr)]
        return isinstance(value, _ARITHMETIC) and all(plain(each, depth + 1) for each in parts)

    returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
    return all(value is None or plain(value) for value in returned)


def _is_changed(name: str, own: FunctionNode, nodes: list[ast.AST], survey: Survey) -> bool:
    """Whether a result of ``name`` may be changed, or its identity looked at."""
    looked_at = survey.mutated | survey.compared
    inside = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node is not own
        for inner in ast.walk(node)
    }
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            if id(node) in inside or survey.memory.made_at(node) & looked_at:
                return True
        elif isinstance(node, ast.Name) and node.id == name and id(node) in inside:
            return True
    return False
