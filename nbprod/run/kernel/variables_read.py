"""Environment variables that somebody reads, libraries included.

Which ones a library reads stands in none of the notebook's cells: it may ask while it is imported,
or whenever it is called. What C code reads (OpenMP, Arrow) goes unseen here.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

_PASSED = frozenset({"os", "_collections_abc", "collections.abc", __name__})
_OTHERS = frozenset(
    {
        "IPython",
        "ipykernel",
        "traitlets",
        "jupyter_client",
        "jupyter_core",
        "zmq",
        "tornado",
        "comm",
    }
    | {"debugpy", "_nbprod_kernel"}
)
"""Who serves the kernel, and does nothing for the notebook's code."""


def watch(noting: Callable[[str, bytes | None], None]) -> None:
    """Have a function called with name and value of each variable that is read, there or not.

    Whoever goes through all of them asks for none.
    """
    kind: Any = type(os.environ)
    read, go_through = kind.__getitem__, kind.__iter__
    last: list[tuple[CodeType, int]] = []

    def __getitem__(self: Any, key: Any) -> Any:
        caller = _caller()
        passing = caller is None or (caller.f_code, caller.f_lineno) in last
        if not passing and isinstance(key, str):
            noting(key, self._data.get(os.fsencode(key)))
        return read(self, key)

    def __iter__(self: Any) -> Any:
        caller = _caller()
        last[:] = [(caller.f_code, caller.f_lineno)] if caller is not None else []
        return go_through(self)

    kind.__getitem__, kind.__iter__ = __getitem__, __iter__


def _caller() -> FrameType | None:
    """Return who asks, unless that is of no concern to the notebook."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in _PASSED:
        frame = frame.f_back
    name = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    return None if name.partition(".")[0] in _OTHERS else frame


def digest(value: bytes | None) -> str:
    """Return what tells whether a variable has another value, and does not tell the value."""
    return "" if value is None else hashlib.sha256(value).hexdigest()[:12]
