"""``__file__``, which a notebook does not have and a module has.

Code that is meant for both asks for it in ``try`` and says in ``except NameError`` what counts in a
notebook. Only that is code of the notebook's: in the generated package the other branch would run.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from nbprod.notebook.syntax import parses

_NAME = "__file__"
_CATCHING = frozenset({"NameError", "Exception", "BaseException"})


def without_own_file(source: str, bound: Collection[str] = ()) -> tuple[str, int]:
    """Let ``except NameError`` stand for the ``try`` that asks for ``__file__``.

    Args:
        source: Python text of a cell.
        bound: Names that earlier cells bind.

    Returns:
        The text, of as many lines, and the line of the first such ``try``; 0 for none.
    """
    if _NAME not in source or _NAME in bound or not parses(source):
        return source, 0
    tree = ast.parse(source)
    if any(_binds(node) for node in ast.walk(tree)):
        return source, 0
    lines, first = source.split("\n"), 0
    for statement in tree.body:
        if not isinstance(statement, ast.Try):
            continue
        handler = _counting(statement)
        if handler is not None and _replace(lines, statement, handler):
            first = first or statement.lineno
    found = "\n".join(lines)
    return (found, first) if first and parses(found) else (source, 0)


def _binds(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == _NAME and not isinstance(node.ctx, ast.Load)


def _counting(statement: ast.Try) -> ast.ExceptHandler | None:
    """Return the handler that always runs, and alone; ``None`` if that cannot be told."""
    if statement.finalbody or not _asks_at_once(statement.body[0]):
        return None
    for handler in statement.handlers:
        if _catches(handler.type):
            return handler if handler.name is None else None
    return None


def _catches(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(map(_catches, kind.elts))
    return kind is None or (isinstance(kind, ast.Name) and kind.id in _CATCHING)


def _asks_at_once(statement: ast.stmt) -> bool:
    """Tell whether a statement asks for ``__file__`` before it does anything else."""
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) or value is None:
        return False
    while not (isinstance(value, ast.Name) and value.id == _NAME):
        if isinstance(value, ast.Attribute | ast.Subscript):
            value = value.value
        elif isinstance(value, ast.BinOp):
            value = value.left
        elif isinstance(value, ast.Call) and _is_plain(value.func) and value.args:
            value = value.args[0]
        elif isinstance(value, ast.Call):
            value = value.func
        else:
            return False
    return True


def _is_plain(node: ast.expr) -> bool:
    """Tell whether a function is named by what is imported: looking it up does nothing."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id != _NAME


def _replace(lines: list[str], statement: ast.Try, handler: ast.ExceptHandler) -> bool:
    """Leave of a statement what its handler does, where it stands; tell whether that went."""
    begin, end = handler.body[0].lineno, handler.body[-1].end_lineno
    indent = handler.body[0].col_offset
    if end is None or begin == handler.lineno:
        return False
    kept = lines[begin - 1 : end]
    if any(line[:indent].strip() for line in kept):
        return False  # a text of several lines, or a comment further left
    whole = range(statement.lineno - 1, statement.end_lineno or end)
    for number in whole:
        lines[number] = lines[number][indent:] if begin - 1 <= number < end else ""
    return True
