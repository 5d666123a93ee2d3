"""Import hook: modules of the author's own are observed like the notebook's cells.

They are the author's wherever they lie (``sys.path.append("../src")``), unless they are
installed. Rewritten code is never written to ``__pycache__``.
"""

from __future__ import annotations

import ast
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType
from typing import Any

from . import callers
from .libraries import LibraryUse
from .rewrite import ObservedCalls

after_import: Callable[[ModuleType], None] | None = None
"""Called with each of the author's modules once it is imported."""


class ObservedLoader(importlib.machinery.SourceFileLoader):
    """Loads a source file with observed calls; falls back to the plain code."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, and tell who wants to know what it is like then."""
        super().exec_module(module)
        if after_import is not None:
            after_import(module)

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile the module from source, past the bytecode cache."""
        path = self.get_filename(fullname)
        source = self.get_data(path)
        try:
            tree = LibraryUse().visit(ObservedCalls().visit(ast.parse(source, path)))
            return compile(tree, path, "exec", dont_inherit=True)
        except SyntaxError:
            return super().get_code(fullname)


class ObservedFinder:
    """Finds what the other finders would, and swaps the loader of the author's modules."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """Return a spec for the author's own modules, ``None`` for all others."""
        if path is None and (name in sys.builtin_module_names or name in _STANDARD):
            return None
        spec = _found(name, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        if not callers.is_own_file(spec.origin or "", name):
            return None
        spec.loader = ObservedLoader(name, spec.origin or "")
        return spec


def _found(name: str, path: Sequence[str] | None, target: ModuleType | None) -> Any:
    """Ask the finders: a package that is being developed may have one of its own."""
    for finder in sys.meta_path:
        if str(getattr(type(finder), "__module__", "")).startswith(_RUNTIME):
            continue
        find = getattr(finder, "find_spec", None)
        spec = find(name, path, target) if find is not None else None
        if spec is not None:
            return spec
    return None


_STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
_RUNTIME = __name__.rpartition(".")[0]


def install() -> None:
    """Observe the author's modules from now on."""
    sys.meta_path.insert(0, ObservedFinder())
