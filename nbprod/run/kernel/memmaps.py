"""Arrays that show a file: the next kernel maps the file again, or they are refused."""

from __future__ import annotations

import mmap
import os
import pickle
import sys
from typing import Any


def reduce(value: Any) -> Any:
    """Return what a pickler's ``reducer_override`` returns, or ``None`` for any other value.

    Raises:
        pickle.PicklingError: If changes through it would no longer reach the file.
    """
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.memmap:
        return None
    whole = isinstance(value.base, mmap.mmap) and bool(value.filename)
    if getattr(value, "mode", None) not in {"r+", "w+", "r"}:
        return None  # what is written to a copy on write is nobody else's
    if not whole:
        if value.flags.writeable and value.mode != "r":
            raise pickle.PicklingError("a part of a memmap that can be written to shows a file")
        return None
    value.flush()
    order = "C" if value.flags.c_contiguous else "F"
    place = (os.path.abspath(value.filename), value.dtype, value.offset, value.shape, order)
    return reopened, (*place, value.mode, value.filename)


def copy_of(value: Any) -> Any:
    """Reduce an array that shows a file, and cannot write to it, to what it shows."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.memmap:
        return None
    if getattr(value, "mode", None) != "r" or value.flags.writeable:
        return None
    return shown, (numpy.array(value), value.offset, value.mode, value.filename)


def shown(items: Any, offset: Any, mode: str, name: Any) -> Any:
    """Return an array in memory that says it shows a file; pickled artifacts call this by name."""
    numpy: Any = sys.modules["numpy"]
    made = items.view(numpy.memmap)
    made.offset, made.mode, made.filename = offset, mode, name
    made.flags.writeable = False
    return made


def reopened(
    path: str, dtype: Any, offset: int, shape: Any, order: Any, mode: str, name: Any
) -> Any:
    """Map a file once more; pickled namespaces call this by name."""
    numpy: Any = sys.modules["numpy"]
    made = numpy.memmap(path, dtype, "r" if mode == "r" else "r+", offset, shape, order)
    made.mode, made.filename = mode, name
    return made
