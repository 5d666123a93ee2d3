"""What the notebook's names stand for, as far as its imports tell."""

from __future__ import annotations

import ast


class ImportedNames:
    """Names bound by imports, learnt in the notebook's order."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def note(self, node: ast.AST) -> None:
        """Learn from ``node`` if it is an import, forget a name that is bound to another thing."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self._names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                self._names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            self._names.pop(node.name, None)

    def qualified(self, node: ast.expr) -> str:
        """Return the dotted name of the imported thing that ``node`` is; empty if none."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in self._names:
            return ".".join([self._names[node.id], *reversed(attributes)])
        return ""
