"""Annotations that stay text: ``from __future__ import annotations`` in a notebook.

IPython compiles all later cells as the cell that has it, which a module can say only of the
whole of itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

FUTURE = "from __future__ import annotations"


def imports_future(statements: Iterable[ast.stmt]) -> bool:
    """Whether ``statements`` of a cell hold ``from __future__ import annotations``."""
    return any(
        isinstance(each, ast.ImportFrom)
        and each.module == "__future__"
        and any(alias.name == "annotations" for alias in each.names)
        for each in statements
    )


def has_annotations(statements: Iterable[ast.stmt]) -> bool:
    """Whether functions or classes among ``statements`` have annotations that can be seen."""
    return any(True for _ in _annotations(statements))


def forget_annotations(statements: Iterable[ast.stmt]) -> None:
    """Write annotations within ``statements`` as the text that they stay: they read no names."""
    for node, field, annotation in list(_annotations(statements)):
        text = ast.Constant(ast.unparse(annotation))
        setattr(node, field, ast.copy_location(text, annotation))


def quoted(source: str, statements: Sequence[ast.stmt]) -> str:
    """Return ``source`` with its annotations written as text, line for line."""
    lines = [line.encode() for line in source.split("\n")]
    found = [annotation for _, _, annotation in _annotations(statements)]
    for node in sorted(found, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        text = repr(ast.unparse(node)).encode()
        head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        if first == last:
            lines[first] = head + text + tail
        else:
            lines[first : last + 1] = [head + b"(" + text, *[b""] * (last - first - 1), b")" + tail]
    return b"\n".join(lines).decode()


def _annotations(statements: Iterable[ast.stmt]) -> Iterator[tuple[ast.AST, str, ast.expr]]:
    """Yield annotations with their node and field; those of variables only within classes."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.arg) and node.annotation is not None:
                yield node, "annotation", node.annotation
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
                yield node, "returns", node.returns
            elif isinstance(node, ast.ClassDef):
                for each in node.body:
                    if isinstance(each, ast.AnnAssign):
                        yield each, "annotation", each.annotation
