"""Names of classes that stand within a step's function, and in their bodies.

A class within a function differs from one of a notebook's cell in two ways. The ``repr`` of a
dataclass shows ``__qualname__``, which begins with the function's name. And a name that the
body binds is looked up in the module before that, never in the function: ``rate: float =
rate`` finds the notebook's variable in a cell, and nothing here.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from nbprod.analysis.scopes import bound_names

_DECORATORS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "attributes", "s"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)


def as_in_a_cell(
    source: str, lines: tuple[int, ...], local: Collection[str]
) -> tuple[str, tuple[int, ...]]:
    """Let the classes in ``source`` be what they are in a notebook's cell.

    Args:
        source: Statements of a step.
        lines: For each line its line in the notebook's cell.
        local: Names that the step's function binds or is given.

    Returns:
        Both, with lines added that have no place in the notebook (0).
    """
    if "class " not in source:
        return source, lines
    texts, places = source.split("\n"), list(lines)
    found = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    for node in reversed(found):
        hidden = [name for name in _hidden_reads(node) if name.id in local]
        aliases = {name.id: _unused(f"{name.id}_outside", source) for name in hidden}
        for name in sorted(hidden, key=lambda each: (each.lineno, each.col_offset), reverse=True):
            line = texts[name.lineno - 1].encode()
            start, end = line[: name.col_offset], line[name.col_offset + len(name.id.encode()) :]
            texts[name.lineno - 1] = (start + aliases[name.id].encode() + end).decode()
        if any(map(_shows_its_name, node.decorator_list)):
            _insert_name(node, texts, places)
        at = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
        texts[at:at] = [
            f"{alias} = {name}  # the class has a {name} of its own"
            for name, alias in aliases.items()
        ]
        places[at:at] = [0] * len(aliases)
    return "\n".join(texts), tuple(places)


def _insert_name(node: ast.ClassDef, texts: list[str], places: list[int]) -> None:
    first = node.body[0]
    if first.lineno == node.lineno or any(
        isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__qualname__"
        for each in node.body
    ):
        return
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        at = first.end_lineno or first.lineno
    else:
        decorators = [each.lineno for each in getattr(first, "decorator_list", ())]
        at = min([first.lineno, *decorators]) - 1
        while texts[at - 1].lstrip().startswith("#"):
            at -= 1  # what it says is about the statement below
    margin = " " * first.col_offset
    texts.insert(at, f'{margin}__qualname__ = "{node.name}"  # as in the notebook')
    places.insert(at, 0)


def _shows_its_name(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] in _DECORATORS


def _hidden_reads(node: ast.ClassDef) -> Iterator[ast.Name]:
    """Yield what a class body reads under names that it binds only then or later."""
    own = {name for statement in node.body for name in bound_names(statement)}
    bound: set[str] = set()
    for statement in node.body:
        for part in _at_once(statement):
            for name in _names(part):
                if name.id in own and name.id not in bound:
                    yield name
        bound |= set(bound_names(statement))


def _at_once(statement: ast.stmt) -> list[ast.expr]:
    """Return the expressions that a statement of a class body evaluates."""
    if isinstance(statement, _FUNCTIONS):
        given = statement.args
        return [*statement.decorator_list, *given.defaults, *filter(None, given.kw_defaults)]
    if isinstance(statement, _SIMPLE) and statement.value is not None:
        return [statement.value]
    return []


def _names(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names that are looked up in the class body itself."""
    if isinstance(node, ast.Lambda):
        parts: list[ast.AST] = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        parts = [node.generators[0].iter]
    else:
        parts = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node
    for part in parts:
        yield from _names(part)


def _unused(name: str, source: str) -> str:
    while name in source:
        name += "_"
    return name
