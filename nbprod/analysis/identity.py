"""Functions that count as objects: kept in a container, compared, used as a key.

A function that reads variables is repeated in each step that uses it. Calling one of them is
like calling another, but ``names.get(f)`` finds only the very function that was put in.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from nbprod.analysis.definitions import Definitions, Kind
from nbprod.analysis.steps import Draft

_KEEPING = frozenset(
    {
        *("append", "add", "insert", "setdefault", "get", "pop", "remove", "discard", "index"),
        *("count", "register", "connect", "subscribe", "unregister", "disconnect"),
    }
)
_HOLDERS = (
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Dict,
    ast.Compare,
    ast.Subscript,
    ast.Assign,
    ast.AnnAssign,
    ast.NamedExpr,
)


def shared_functions(drafts: Sequence[Draft], definitions: Definitions) -> frozenset[str]:
    """Return the functions that have to be one object for all steps.

    These are among those that would be repeated: kept somewhere by one step, and meant as an
    object, not only called, by another.
    """
    names = {each.name for each in definitions.repeated() if each.kind is Kind.FUNCTION}
    if not names:
        return frozenset()
    meant: Counter[str] = Counter()
    kept: set[str] = set()
    for draft in drafts:
        found = list(_mentions((each for facts in draft.cells for each in facts.statements), names))
        meant.update({name for name, _ in found})
        kept |= {name for name, keeps in found if keeps}
    return frozenset(name for name in kept if meant[name] > 1)


def _mentions(statements: Iterable[ast.stmt], names: set[str]) -> Iterator[tuple[str, bool]]:
    """Yield each name that is read other than to call it, and whether it is kept there."""
    for statement in statements:
        for parent in ast.walk(statement):
            for child in ast.iter_child_nodes(parent):
                if not isinstance(child, ast.Name) or not isinstance(child.ctx, ast.Load):
                    continue
                called = isinstance(parent, ast.Call) and child is parent.func
                if child.id in names and not called:
                    yield child.id, _keeps(parent)


def _keeps(parent: ast.AST) -> bool:
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Attribute) and parent.func.attr in _KEEPING
    return isinstance(parent, _HOLDERS)
