"""Objects that show the memory of an array without saying so.

``pa.array(a)``, ``Image.fromarray(a)`` and ``cKDTree(a)`` copy nothing: who writes into ``a``
changes them. Which object holds which memory is known to the library's C code only, and after
saving both each has memory of its own. So it is found out by experiment: with the array's bytes
turned over for a moment, an object that shows them has another fingerprint.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from . import blobs, fingerprint


def unkept(
    variables: Mapping[str, Any], walks: fingerprint.Walks, together: Iterable[Collection[str]]
) -> dict[str, str]:
    """Return the variables that show the memory of others in a way that saving would not keep.

    Args:
        variables: The notebook's variables.
        walks: The walks over those that a later step may need.
        together: Names that a later step may change together, as far as its text says.

    Returns:
        Variable to what there is to say.
    """
    found: dict[str, str] = {}
    for names in together:
        known = [name for name in names if name in walks]
        holders = [name for name in known if walks[name][1].reduced]
        arrays = {name: _arrays_of(variables[name]) for name in known} if holders else {}
        for holder, name in itertools.product(holders, known):
            if name == holder or holder in found or not arrays[name]:
                continue
            if _shows(variables[holder], arrays[name]):
                found[holder] = f"it shares memory with `{name}`, which saving would part"
    return found


def _arrays_of(value: Any) -> list[Any]:
    """Return the arrays of bytes that own the memory of an array, a frame or a series."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return []
    manager = getattr(value, "_mgr", None)
    parts = [block.values for block in getattr(manager, "blocks", ())] if manager else [value]
    owners: dict[int, Any] = {}
    for part in parts:
        array = getattr(part, "_ndarray", part)
        if not isinstance(array, numpy.ndarray):
            continue
        while isinstance(array.base, numpy.ndarray):
            array = array.base
        laid_out = array.flags.c_contiguous or array.flags.f_contiguous
        if not array.size or not laid_out or array.dtype.hasobject or not array.flags.writeable:
            continue
        behind = array.base.obj if isinstance(array.base, memoryview) else array.base
        if behind is None or blobs.is_loaded(behind):  # not a file's, nor another process's
            owners[id(array)] = array
    return list(owners.values())


def _shows(holder: Any, arrays: list[Any]) -> bool:
    """Tell whether a value is another one while the bytes of arrays are turned over."""
    numpy: Any = sys.modules["numpy"]
    owners = {id(array) for array in arrays}
    before = _Apart(owners).of(holder)
    # In the order in which they lie: an array of Fortran's order would be copied else.
    flat = [
        (array if array.flags.c_contiguous else array.T).reshape(-1).view(numpy.ndarray)
        for array in arrays
    ]
    raw = [array.view("u1") for array in flat]
    for each in raw:
        numpy.invert(each, out=each)
    try:
        return _Apart(owners).of(holder) != before
    finally:
        for each in raw:
            numpy.invert(each, out=each)


class _Apart(fingerprint.Fingerprint):
    """A walk that passes over some arrays: that these show the memory is known, and kept."""

    def __init__(self, owners: set[int]) -> None:
        super().__init__()
        self._owners = owners

    def of(self, value: Any) -> str:
        """Return the fingerprint of a value; one that cannot be walked is like any other."""
        try:
            self.add(value)
        except Exception as error:
            return f"{type(error).__name__}"
        return self.hexdigest()

    def array_data(self, array: Any) -> None:
        """Take in the values of an array, unless it shows that memory."""
        if self._owners.isdisjoint(fingerprint.owners(array)):
            super().array_data(array)
