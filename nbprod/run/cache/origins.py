"""What names in code stand for, as far as its imports tell."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


class Origins:
    """What the imports of some code bind.

    Args:
        trees: The code.
    """

    def __init__(self, trees: Iterable[ast.AST]) -> None:
        self._bound: dict[str, str] = {}
        for tree in trees:
            for node in ast.walk(tree):
                self._bound.update(_bindings(node))

    def of(self, node: ast.AST | None) -> str:
        """Return what a node names, with its module (``time.time``); empty if that is unknown."""
        if isinstance(node, ast.Name):
            return self._bound.get(node.id, "")
        if isinstance(node, ast.Attribute):
            owner = self.of(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def mentioned(self, node: ast.AST) -> Iterator[str]:
        """Yield what a node imports, names, or asks ``getattr`` for."""
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            asked = asked_for(node)
            owner = self.of(asked[0]) if asked is not None else ""
            name = (
                asked[1].value if asked is not None and isinstance(asked[1], ast.Constant) else ""
            )
            if owner and isinstance(name, str) and name:
                yield f"{owner}.{name}"
        elif self.of(node):
            yield self.of(node)


def asked_for(node: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """Return of what ``getattr`` is asked for which name, if that is what a call does."""
    is_getattr = isinstance(node.func, ast.Name) and node.func.id == "getattr"
    return (node.args[0], node.args[1]) if is_getattr and len(node.args) > 1 else None


def _bindings(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"
