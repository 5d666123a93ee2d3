"""What a library draws from ``random`` while it is imported is no draw of the notebook's.

``rich`` makes a name for each of its styles so, and scikit-learn imports ``rich``. A step that
imports it first would otherwise be one that draws without a seed, and run each time. Only draws
that nobody could repeat are undone: once the generator is seeded, an import moves it, as it does
in Jupyter.
"""

from __future__ import annotations

import importlib.machinery
import random
import sys
import threading
from typing import Any

from . import seeding

_here = threading.local()


class _UndoingLoader(importlib.machinery.SourceFileLoader):
    """Loads a module that is imported by itself, with all that it imports."""

    def exec_module(self, module: Any) -> None:
        before = random.getstate()
        _here.importing = True
        try:
            super().exec_module(module)
        finally:
            _here.importing = False
            seeding.undo_draws(before)


class _Finder:
    """Asks the other finders, and swaps the loader of what they find."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if is_importing():
            return None
        for finder in [each for each in sys.meta_path if each is not self]:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                if type(spec.loader) is importlib.machinery.SourceFileLoader:
                    spec.loader = _UndoingLoader(spec.loader.name, spec.loader.path)
                return spec
        return None


def is_importing() -> bool:
    """Tell whether this thread imports a library."""
    return getattr(_here, "importing", False)


def install() -> None:
    """Undo such draws from now on."""
    sys.meta_path.insert(0, _Finder())
