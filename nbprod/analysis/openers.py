"""Which calls open a file for writing: the libraries', and those of the author's own modules."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from nbprod.analysis.library_table import default_mode, openers
from nbprod.analysis.own_modules import OwnModule

PATH = "pathlib.Path."
"""Begins the names of what paths do: these are not given a path first."""

_WRITING = frozenset("wxac+")
_CLOSES = frozenset({"close", "closing", "__exit__", "enter_context"})


def opens_for_writing(qualified: str, node: ast.Call) -> bool:
    """Tell whether a call opens a file for writing, or may.

    Args:
        qualified: The dotted name of what is called.
        node: The call.
    """
    default = default_mode(qualified)
    if default is None:
        return False
    places = node.args if qualified.startswith(PATH) else node.args[1:]
    modes = [*places, *(word.value for word in node.keywords if word.arg == "mode")]
    said = [each.value for each in modes if isinstance(each, ast.Constant)]
    mode = next((each for each in said if isinstance(each, str)), default)
    return bool(_WRITING.intersection(mode)) or bool(modes and len(said) < len(modes))


def own_openers(modules: Mapping[str, OwnModule]) -> frozenset[str]:
    """Return the functions and classes of own modules that may leave a file open for writing.

    Returns:
        Dotted names, as in ``helpers.start_log``.
    """
    definitions = {
        f"{name}.{each.name}": each
        for name, module in modules.items()
        for each in module.tree.body
        if isinstance(each, ast.FunctionDef | ast.ClassDef)
    }
    found: set[str] = set()
    while True:  # who calls one that leaves a file open may hand it on
        more = {
            name
            for name, node in definitions.items()
            if name not in found and _leaves_open(node, {each.rpartition(".")[2] for each in found})
        }
        if not more:
            return frozenset(found)
        found |= more


def _leaves_open(definition: ast.AST, callers: set[str]) -> bool:
    nodes = list(ast.walk(definition))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(_last_name(node.func) in _CLOSES for node in calls):
        return False
    withs = [node for node in nodes if isinstance(node, ast.With | ast.AsyncWith)]
    closed = {id(item.context_expr) for node in withs for item in node.items}
    # ``open(path, "w").write(text)``: nobody keeps the file.
    closed |= {id(node.func.value) for node in calls if isinstance(node.func, ast.Attribute)}
    return any(
        _last_name(node.func) in callers or _may_write(node)
        for node in calls
        if id(node) not in closed
    )


def _may_write(node: ast.Call) -> bool:
    name = _last_name(node.func)
    return any(
        opens_for_writing(qualified, node)
        for qualified in openers()
        if qualified.rpartition(".")[2] == name
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
