"""Does something to a module once the notebook has imported it, and never imports it before.

Loading a library early would make settings come too late that the notebook makes before its
import, like ``OMP_NUM_THREADS``.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable
from typing import Any

_waiting: dict[str, Callable[[Any], None]] = {}


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module, then does what waited for it."""

    def exec_module(self, module: Any) -> None:
        super().exec_module(module)
        _waiting[module.__name__](module)


class _Finder:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in _waiting:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        spec.loader = _Loader(name, spec.origin or "")
        return spec


def when_imported(name: str, act: Callable[[Any], None]) -> None:
    """Have a function called with a module as soon as it is there, which may be now.

    Args:
        name: Full name of a module that is a Python file. The last call for a name counts.
        act: Is given the module, right after its code ran.
    """
    loaded = sys.modules.get(name)
    if loaded is not None:
        act(loaded)
        return
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _waiting[name] = act
