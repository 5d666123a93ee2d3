"""Star imports: turned into the names that the notebook uses of them."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache

from nbprod.analysis.library_table import data_file
from nbprod.analysis.own_modules import OwnModule
from nbprod.analysis.scopes import absolute_module, bound_names, expression_names

# Modules of the standard library whose import does nothing but define names.
_SAFE = frozenset(
    [
        "math",
        "cmath",
        "random",
        "statistics",
        "itertools",
        "functools",
        "collections",
        "datetime",
        "typing",
        "decimal",
        "fractions",
        "string",
        "re",
        "time",
        "json",
        "operator",
        "copy",
        "dataclasses",
        "enum",
        "abc",
        "textwrap",
        "pathlib",
        "os",
        "glob",
    ]
)
# Builtins that a star import of these hides (numpy 2).
_HIDDEN = {"numpy": frozenset({"abs", "all", "any", "bool", "max", "min", "pow", "round", "sum"})}


@cache
def bundled_exports() -> Mapping[str, tuple[str, ...]]:
    """Return what star imports of well-known modules bind, from the data file."""
    tables = data_file("exports")
    return {module: tuple(names.split()) for module, names in tables["exports"].items()}


def local_exports(modules: Mapping[str, OwnModule]) -> dict[str, tuple[str, ...]]:
    """Return what star imports of local modules bind, by module.

    One that itself has a star import of which nothing is known is left out.
    """
    found = {module: _exported(module, modules, frozenset()) for module in modules}
    return {module: tuple(sorted(names)) for module, names in found.items() if names is not None}


def _exported(
    module: str, modules: Mapping[str, OwnModule], within: frozenset[str]
) -> set[str] | None:
    """Return what a star import of a local module binds; ``None`` if that is not known."""
    if module not in modules:
        known = _of_library(module)
        return None if known is None else set(known)
    own = modules[module]
    names = _public(own.tree)
    for statement in own.tree.body if "*" in names else ():
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            above = absolute_module(statement, own.package)
            more = set() if above in within else _exported(above, modules, within | {module})
            if more is None:
                return None
            names |= more
    return names - {"*"}


def _of_library(module: str) -> Collection[str] | None:
    """Return what a star import of a well-known module binds; ``None`` if that is not known."""
    if module in bundled_exports():
        return bundled_exports()[module]
    if module in _SAFE:
        loaded = importlib.import_module(module)
        public = [name for name in vars(loaded) if not name.startswith("_")]
        return tuple(getattr(loaded, "__all__", public))
    return None


def _public(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets
        ):
            try:
                return {str(name) for name in ast.literal_eval(statement.value)}
            except (ValueError, TypeError):
                continue
        names |= bound_names(statement)
    return {name for name in names if not name.startswith("_")}


class Stars:
    """Resolves the star imports of one notebook.

    Args:
        exports: Module to the names that a star import of it binds, where known.
    """

    def __init__(self, exports: Mapping[str, Collection[str]]) -> None:
        self.exports = exports
        self.unknown: list[str] = []
        self.found: list[tuple[int, int, str]] = []
        self.ambiguous: dict[str, list[str]] = {}

    def expand(self, cells: Sequence[tuple[int, list[ast.stmt]]]) -> None:
        """Replace ``*`` in the statements of ``cells`` (number, statements) by names."""
        stars = [
            (number, statement)
            for number, statements in cells
            for statement in statements
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        ]
        if not stars:
            return
        used, bound = _used(cells), _bound(cells)
        known = {
            statement.module or "": self._known(statement.module or "") for _, statement in stars
        }
        explained = {name for names in known.values() if names is not None for name in names}
        self.unknown = [module for module, names in known.items() if names is None]
        rest = {name for name in used - bound - explained if not hasattr(builtins, name)}
        if len(self.unknown) > 1:
            self.ambiguous = dict.fromkeys(sorted(rest), self.unknown)
        taken: set[str] = set()
        for number, statement in reversed(stars):
            module = statement.module or ""
            names = known[module]
            hidden = (used & _HIDDEN.get(module, frozenset())) - bound
            if names is not None:
                before = _bound_before(cells, statement) | _read_unbound(cells, statement)
                chosen = {
                    name
                    for name in used & set(names)
                    if name not in bound or name in before or hasattr(builtins, name)
                }
            else:
                chosen = (rest if len(self.unknown) == 1 else set()) | hidden
            statement.names = [ast.alias(name) for name in sorted(chosen - taken)]
            taken |= chosen
            self.found.append((number, statement.lineno, module))

    def _known(self, module: str) -> Collection[str] | None:
        return self.exports[module] if module in self.exports else _of_library(module)


def _bound_before(
    cells: Sequence[tuple[int, list[ast.stmt]]], star: ast.ImportFrom
) -> frozenset[str]:
    """Names bound by the statements before ``star``, which it may bind anew."""
    found: set[str] = set()
    for _, statements in cells:
        for statement in statements:
            if statement is star:
                return frozenset(found)
            found |= bound_names(statement)
    return frozenset(found)


def _read_unbound(
    cells: Sequence[tuple[int, list[ast.stmt]]], star: ast.ImportFrom
) -> frozenset[str]:
    """Names that are read behind ``star`` before anything else there has bound them."""
    bound: set[str] = set()
    found: set[str] = set()
    behind = False
    for _, statements in cells:
        for statement in statements:
            if behind:
                found |= expression_names(statement) - bound
                bound |= bound_names(statement)
            behind = behind or statement is star
    return frozenset(found)


def _used(cells: Iterable[tuple[int, list[ast.stmt]]]) -> set[str]:
    return {
        node.id
        for _, statements in cells
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _bound(cells: Iterable[tuple[int, list[ast.stmt]]]) -> set[str]:
    """Names bound anywhere, parameters of functions included."""
    found: set[str] = set()
    for _, statements in cells:
        for statement in statements:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found.add(node.id)
                elif isinstance(node, ast.arg):
                    found.add(node.arg)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    found.add(node.name)
                elif isinstance(node, ast.alias):
                    found.add((node.asname or node.name).split(".")[0])
                elif isinstance(node, ast.ExceptHandler) and node.name:
                    found.add(node.name)
    return found
