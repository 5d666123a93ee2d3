"""Which imports may happen before the notebook has done anything.

Importing a library does so (what it draws or sets then is its own affair). A module of the
author's own is read: only if importing it gives the same whenever it happens, and finds the
same file, may its import stand at module level. All others stay where the notebook has them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nbprod.analysis.effects import effects_of, is_patch
from nbprod.analysis.import_settings import ImportSettings
from nbprod.analysis.own_modules import module_name
from nbprod.analysis.purity import (
    Code,
    Names,
    Purity,
    import_is_seen,
    imported_names,
    module_names,
)
from nbprod.analysis.requirements import local_paths
from nbprod.analysis.scopes import constant_texts, modules_named
from nbprod.analysis.survey import CellFacts, Survey

# Of what decides which file an import finds; adding to the end of the path hides nothing.
_APPENDED = re.compile(r"\bsys\.path\.(append|extend)\(")
_FINDING = re.compile(
    r"\bsys\.(path|modules|meta_path|path_hooks|path_importer_cache)\b|\bchdir\b|\baddsitedir\b"
    r"|\breload\(|\bfrom\s+sys\s+import\b[^\n]*\b(path|modules|meta_path|path_hooks)\b"
)
_FINDING_CALLS = ("sys.path", "sys.modules", "sys.meta_path", "os.chdir", "site.addsitedir")
_APPENDING_CALLS = ("sys.path.append", "sys.path.extend")
_CODE = re.compile(r"\.py\b|\bunzip\b|\btar\b|\bextractall\b|\bunpack_archive\b|\bgit\s+clone\b")
_LEAVING = frozenset({"sys.path.remove", "sys.path.pop", "sys.path.clear"})
_WRITING = frozenset({"writes-files", "subprocess", "network"})


@dataclass(slots=True)
class _Module:
    """One file of the author's own.

    Attributes:
        body: Its statements; ``None`` if it is no Python.
        package: The package it belongs to.
        names: What its names mean.
        imports: Modules that importing it imports.
    """

    body: list[ast.stmt] | None
    package: str = ""
    names: Names = field(default_factory=Names)
    imports: tuple[str, ...] = ()


class OwnModules:
    """The author's modules beside the notebook, as their sources have them.

    Args:
        sources: Path relative to the notebook's folder, with forward slashes, to bytes.
    """

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self._modules: dict[str, _Module] = {}
        self._quiet: dict[str, bool] = {}
        self.tops = frozenset(path.partition("/")[0].removesuffix(".py") for path in sources)

    def paths(self, module: str) -> tuple[str, ...]:
        """Return the files that importing ``module`` executes, those that they import apart."""
        if module.partition(".")[0] not in self.tops:
            return ()
        return tuple(local_paths(module, self._sources))

    def closure(self, modules: Iterable[str]) -> list[str]:
        """Return the files that importing ``modules`` executes in turn."""
        pending, found = list(modules), dict[str, None]()
        while pending:
            for path in self.paths(pending.pop()):
                if path not in found:
                    found[path] = None
                    pending.extend(self._module(path).imports)
        return list(found)

    def imports(self, modules: Iterable[str], top: str) -> bool:
        """Whether importing ``modules`` imports the library ``top`` in turn."""
        return any(
            each.partition(".")[0] == top
            for path in self.closure(modules)
            for each in self._module(path).imports
        )

    def is_quiet(self, modules: Iterable[str]) -> bool:
        """Whether importing ``modules`` depends on nothing and does nothing that is seen."""
        return all(self._is_quiet(path) for path in self.closure(modules))

    def keeps_state(self, path: str) -> bool:
        """Whether functions of a file change what the module holds."""
        module = self._module(path)
        return any(
            isinstance(inner, ast.Global | ast.Attribute | ast.Subscript | ast.Call)
            and _changed_name(inner) in {"", *module.names.others}
            for statement in module.body or ()
            for each in ast.walk(statement)
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            for inner in ast.walk(each)
        )

    def defines(self, module: str, name: str) -> bool:
        """Whether ``name`` of ``module`` is a function, class or module, and stays that."""
        if self.paths(f"{module}.{name}") != self.paths(module):
            return True
        return any(
            name in self._module(path).names.defined
            for path in self.paths(module)
            if module_name(path) == module
        )

    def code(self, qualified: str) -> tuple[Code, Names] | None:
        """Return the function or class with that dotted name, and what names mean there."""
        module, _, name = qualified.rpartition(".")
        for path in self.paths(module) if module else ():
            names = self._module(path).names
            if module_name(path) == module and name in names.defined:
                return names.defined[name], names
        return None

    def _module(self, path: str) -> _Module:
        if path not in self._modules:
            self._modules[path] = self._read(path)
        return self._modules[path]

    def _read(self, path: str) -> _Module:
        try:
            body = ast.parse(self._sources[path]).body
        except (SyntaxError, ValueError, RecursionError):
            return _Module(None)
        name = module_name(path)
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        names = module_names(body, package, self.code)
        imports = tuple(
            each for node in _when_imported(body) for each in modules_named(node, package)
        )
        return _Module(body, package, names, imports)

    def _is_quiet(self, path: str) -> bool:
        if path not in self._quiet:
            module = self._module(path)
            self._quiet[path] = module.body is not None and Purity(module.names).is_pure(
                module.body
            )
        return self._quiet[path]


def _when_imported(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes of a module that are executed when it is imported."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))


def _changed_name(node: ast.AST) -> str | None:
    """Return the name whose object ``node`` may change; empty for a global one of any name."""
    if isinstance(node, ast.Global):
        return ""
    root: ast.AST = node
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Attribute):
            return None
        root = node.func.value
    elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
        return None
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    return root.id if isinstance(root, ast.Name) else None


class Importing:
    """Knows which imports of a notebook may happen before any cell has run.

    Args:
        survey: The facts.
        sources: The author's own modules.
        installed: Import names of the environment and the standard library.
    """

    def __init__(
        self, survey: Survey, sources: Mapping[str, bytes], installed: Iterable[str]
    ) -> None:
        self.own = OwnModules(sources)
        self._known = frozenset(installed) | self.own.tops
        self._cells = [each for each in survey.cells if each.executed]
        self._seeded = _seeded(self._cells)
        self._settings = ImportSettings(self._cells)

    def from_start(self, module: str, cell: int, names: Iterable[str] = (), line: int = 0) -> bool:
        """Whether importing ``module`` first gives what importing it in ``cell`` gives.

        Args:
            module: Its dotted name.
            cell: Number of the cell.
            names: What is taken from it.
            line: Line of the import in the cell's code.
        """
        top = module.partition(".")[0]
        before = [each for each in self._cells if each.cell.number <= cell]
        if import_is_seen(module):
            return False
        if "." in module and _looks_into_modules(before):
            return False
        if self.own.paths(module) or (top in self.own.tops and top not in sys.stdlib_module_names):
            return self._own_from_start(module, tuple(names), before)
        if self._seeded and cell > self._seeded and top not in sys.stdlib_module_names:
            return False
        if top not in sys.stdlib_module_names and self._settings.come_first(module, cell, line):
            return False
        if top in self._known:
            return True
        return not any(_finds_otherwise(each) or _writes_code(each, top) for each in before)

    def is_found_anew(self, path: str) -> bool:
        """Whether the notebook may import another file than ``path``, which lies beside it now.

        It writes that file, looks in another folder, or takes its own out of the path. Then a
        copy cannot stand for the module: it is to be found when the notebook runs.
        """
        calls = {call for each in self._cells for call in each.trace.calls}
        moves = any(call.startswith(("os.chdir", "contextlib.chdir")) for call in calls)
        return (
            moves
            or bool(calls & _LEAVING)
            or any(writes_module(each, path) for each in self._cells)
        )

    def _own_from_start(self, module: str, names: tuple[str, ...], before: list[CellFacts]) -> bool:
        if any(_hides(each) or _writes_code(each, module.partition(".")[0]) for each in before):
            return False
        modules = [module, *(f"{module}.{name}" for name in names)]
        if not self.own.is_quiet(modules):
            return False
        return not any(
            self._meets(call, module, names, each is before[-1])
            for each in before
            for call in each.trace.calls
        )

    def _meets(self, call: str, module: str, names: tuple[str, ...], same_cell: bool) -> bool:
        """Whether an import sees what an earlier ``call`` has changed in a module."""
        modules = [module, *(f"{module}.{name}" for name in names)]
        owner = call.rstrip("=").removesuffix("[]").rpartition(".")[0]
        changes = call.endswith("=")
        touched = {path for path in self.own.paths(owner) if owner.startswith(module_name(path))}
        if not touched:
            return is_patch(call) and self.own.imports(modules, owner.partition(".")[0])
        if not changes and not any(map(self.own.keeps_state, touched)):
            return False
        itself = set(self.own.paths(module))
        if touched & (set(self.own.closure(modules)) - itself):
            return True
        if same_cell or not touched & itself:
            return False
        return any(changes or not self.own.defines(module, name) for name in names)


def _looks_into_modules(cells: Iterable[CellFacts]) -> bool:
    """Whether cells ask what a module has: an import of a part of it adds that."""
    nodes = [node for each in cells for node in each.nodes]
    modules = {
        name for node in nodes if isinstance(node, ast.Import) for name in imported_names(node)
    }
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"hasattr", "getattr", "dir", "vars"}
        and any(isinstance(each, ast.Name) and each.id in modules for each in node.args[:1])
        for node in nodes
    )


def _seeded(cells: Iterable[CellFacts]) -> int:
    """Return the number of the cell that first seeds ``random``, if numbers are drawn from it.

    Some libraries draw from it while they are imported.
    """
    calls = [(each.cell.number, call) for each in cells for call in each.trace.calls]
    drawn = any(call.startswith("random.") and call != "random.seed" for _, call in calls)
    seeds = [number for number, call in calls if call == "random.seed"]
    return min(seeds) if seeds and drawn else 0


def _hides(facts: CellFacts) -> bool:
    """Whether a cell may change which file an import finds, though it found one before."""
    calls = [call for call in facts.trace.calls if call not in _APPENDING_CALLS]
    return _changes_finding(_APPENDED.sub("", facts.code.source), calls)


def _finds_otherwise(facts: CellFacts) -> bool:
    """Whether a cell may change what an import finds, if it found nothing before."""
    return _changes_finding(facts.code.source, facts.trace.calls)


def _changes_finding(source: str, calls: Iterable[str]) -> bool:
    return bool(_FINDING.search(source)) or any(call.startswith(_FINDING_CALLS) for call in calls)


def _writes_code(facts: CellFacts, top: str) -> bool:
    """Whether a cell may write a module named ``top``."""
    if not _WRITING & set(effects_of(facts.trace.calls)):
        return "%%writefile" in facts.cell.source
    return any(
        _CODE.search(text) or text.partition("/")[0] == top
        for text in constant_texts(facts.statements)
    )


def writes_module(facts: CellFacts, path: str) -> bool:
    """Whether a cell may write the module that ``path`` is now."""
    if not _WRITING & set(effects_of(facts.trace.calls)):
        return False
    name = re.compile(rf"(^|[\s/]){re.escape(path.rpartition('/')[2])}($|\s)")
    return any(map(name.search, constant_texts(facts.statements)))
