"""What the notebook imports: distributions to require, the author's own modules, the missing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nbprod.analysis import own_modules
from nbprod.analysis.scopes import modules_named
from nbprod.analysis.survey import CellFacts, Survey

_MAY_IMPORT = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """One imported module.

    Attributes:
        module: Dotted name.
        facts: The cell that imports it; ``None`` for an import of a local module.
        line: Line within that cell.
        optional: The import stands within ``try``, so that it may fail.
    """

    module: str
    facts: CellFacts | None = None
    line: int = 0
    optional: bool = False


@dataclass(slots=True)
class Imports:
    """All that a notebook imports, directly and through its local modules.

    Attributes:
        third_party: Top-level import names to their first import.
        local: Paths of local modules, to their import names.
    """

    third_party: dict[str, Imported] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)


def find_imports(survey: Survey, local_sources: Mapping[str, bytes]) -> Imports:
    """Collect imports of all executed cells, following local modules."""
    result = Imports()
    pending = [
        each
        for facts in survey.cells
        if facts.executed
        for each in _imports(facts.statements, facts)
    ]
    seen: set[str] = set()
    while pending:
        each = pending.pop(0)
        if each.module in seen:
            continue
        seen.add(each.module)
        paths = list(local_paths(each.module, local_sources))
        for path in paths:
            if path not in result.local:
                result.local[path] = own_modules.module_name(path)
                pending.extend(_of_local(path, local_sources[path]))
        top = each.module.partition(".")[0]
        if not paths and top not in sys.stdlib_module_names and top:
            known = result.third_party.get(top)
            if known is None or (known.optional and not each.optional):
                result.third_party[top] = each
    return result


def local_paths(module: str, sources: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the files among ``sources`` that importing ``module`` executes."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        stem = "/".join(parts[:length])
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if path in sources:
                yield path


def _of_local(path: str, source: bytes) -> list[Imported]:
    return [
        found
        for module in own_modules.parsed({path: source}).values()
        for found in _imports(module.tree.body, None, module.package)
    ]


def _imports(
    statements: Iterable[ast.stmt], facts: CellFacts | None, package: str = ""
) -> Iterator[Imported]:
    for statement in statements:
        if not isinstance(statement, _MAY_IMPORT):
            continue
        optional_nodes = {
            id(node)
            for each in ast.walk(statement)
            if isinstance(each, ast.Try)
            for node in ast.walk(each)
        }
        for node in ast.walk(statement):
            for module in modules_named(node, package):
                line = facts.cell_line(getattr(node, "lineno", 0)) if facts else 0
                yield Imported(module, facts, line, id(node) in optional_nodes)
