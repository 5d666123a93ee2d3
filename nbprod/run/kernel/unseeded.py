"""Tells of each random generator that takes its seed from the system.

What it draws is another thing each time, and no global state shows it. Python's are made by
``Random.seed``, numpy's by ``default_rng``; :mod:`.observe` tells of numpy's classes that the
notebook calls itself.
"""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Callable
from typing import Any

from . import import_draws

_on_made: list[Callable[[], None]] = []
_SILENT = ("tempfile", __name__.rpartition(".")[0])
"""Modules whose generators reach no result: names of files, and our own."""


def watch(on_made: Callable[[], None]) -> None:
    """Call a function whenever such a generator is made, from now on."""
    first = not _on_made
    _on_made[:] = [on_made]
    if first:
        _watch_python()
        if "numpy.random" in sys.modules:
            watch_numpy()


def _watch_python() -> None:
    seed = random.Random.seed

    @functools.wraps(seed)  # it is pickled by its name
    def watched(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            _tell()
        seed(self, a, version)

    random.Random.seed = watched  # type: ignore[method-assign]
    random.seed = random._inst.seed


def watch_numpy() -> None:
    """Watch numpy's ``default_rng``, too, once it is there."""
    module: Any = sys.modules.get("numpy.random")
    make = getattr(module, "default_rng", None)
    if make is None or not _on_made or hasattr(make, "__wrapped__"):
        return

    @functools.wraps(make)
    def watched(seed: Any = None) -> Any:
        if seed is None:
            _tell()
        return make(seed)

    module.default_rng = module._generator.default_rng = watched


def _tell() -> None:
    if import_draws.is_importing():
        return  # libraries make some of their own then
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "random":
        frame = frame.f_back
    if not str(frame.f_globals.get("__name__", "")).startswith(_SILENT):
        _on_made[0]()
