"""Import hook: modules of the author's own are observed like the notebook's cells.

Only source files below the given folders, and no installed packages that happen
to lie there (a ``.venv``). Rewritten code is never written to ``__pycache__``.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType
from typing import Any

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
            tree = ObservedCalls().visit(ast.parse(source, path))
            return compile(tree, path, "exec", dont_inherit=True)
        except SyntaxError:
            return super().get_code(fullname)


class ObservedFinder:
    """Finds what Python's own path finder would, and swaps the loader.

    Args:
        folders: Absolute folders whose modules are observed.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = tuple(os.path.realpath(folder) + os.sep for folder in folders)
        self._excluded = tuple(
            os.path.realpath(folder) + os.sep
            for folder in {sys.prefix, sys.base_prefix, sys.exec_prefix}
        )

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """Return a spec for the author's own modules, ``None`` for all others."""
        if path is None and (name in sys.builtin_module_names or name in _STANDARD):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        origin = os.path.realpath(spec.origin or "")
        if not origin.startswith(self._folders) or self._installed(origin):
            return None
        spec.loader = ObservedLoader(name, spec.origin or "")
        return spec

    def _installed(self, origin: str) -> bool:
        if f"{os.sep}site-packages{os.sep}" in origin:
            return True
        inside = tuple(
            folder
            for folder in self._excluded
            if not any(own.startswith(folder) for own in self._folders)
        )
        return origin.startswith(inside) if inside else False


_STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())


def install(folders: Sequence[str]) -> None:
    """Observe the modules below ``folders`` from now on."""
    if folders:
        sys.meta_path.insert(0, ObservedFinder(folders))
