"""Names that calling a function certainly reads, whatever it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from nbprod.analysis.class_body import certainly_read
from nbprod.analysis.scopes import local_names
from nbprod.analysis.summaries import is_generator

_LEAVES = ast.Return | ast.Raise
_COMPOUND = ast.If | ast.While | ast.For | ast.Try | ast.TryStar | ast.Match
_SIMPLE = (
    ast.Expr | ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Assert | ast.Raise
)


def certain_reads(node: ast.AST | None) -> frozenset[str]:
    """Return names from outside that a call of ``node`` reads if it comes to its end.

    Conditional code, loops' bodies and what stands behind a possible early end do not count;
    nor do decorated functions, coroutines and generators, whose call executes nothing of them.
    """
    if not isinstance(node, ast.FunctionDef) or node.decorator_list or is_generator(node):
        return frozenset()
    read: set[str] = set()
    _block(node.body, read)
    return frozenset(read - local_names(node))


def _block(statements: Iterable[ast.stmt], read: set[str]) -> bool:
    """Collect what ``statements`` read; tell whether what follows them is certain too."""
    for statement in statements:
        if isinstance(statement, _SIMPLE):
            read.update(name for each in _expressions(statement) for name in certainly_read(each))
            if isinstance(statement, ast.Return | ast.Raise):
                return False
        elif isinstance(statement, ast.With):
            for item in statement.items:
                read.update(certainly_read(item.context_expr))
            return False  # a context manager may swallow what is raised
        elif isinstance(statement, _COMPOUND):
            read.update(name for each in _heads(statement) for name in certainly_read(each))
            if any(isinstance(each, _LEAVES) for each in ast.walk(statement)):
                return False
    return True


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    for each in ast.iter_child_nodes(statement):
        if isinstance(each, ast.expr) and not (
            isinstance(statement, ast.AnnAssign) and each is statement.annotation
        ):
            yield each


def _heads(statement: ast.stmt) -> Iterator[ast.expr]:
    """What a compound statement evaluates whatever happens."""
    if isinstance(statement, ast.If | ast.While):
        yield statement.test
    elif isinstance(statement, ast.For):
        yield statement.iter
    elif isinstance(statement, ast.Match):
        yield statement.subject
