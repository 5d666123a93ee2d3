"""Arrays that share a buffer: they must share it again after loading.

Pickle copies every numpy array; a view would come back as an array of its own, and
a change through one name would no longer show through the other.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any


def shared_buffers(values: Iterable[Any]) -> frozenset[int]:
    """Return the ids of the arrays that own a buffer which several ``values`` show."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return frozenset()
    arrays = {id(value): value for value in values if type(value) is numpy.ndarray}
    owners = Counter(id(_owner(array)) for array in arrays.values())
    return frozenset(owner for owner, count in owners.items() if count > 1)


def reduce_view(value: Any, shared: frozenset[int]) -> Any:
    """Reduce a view into a shared buffer to the array that owns it, and a place there.

    Returns:
        What a pickler's ``reducer_override`` returns, or ``None`` for any other value.
    """
    if not shared or type(value).__name__ != "ndarray" or type(value).__module__ != "numpy":
        return None
    owner = _owner(value)
    if owner is value or id(owner) not in shared or owner.dtype.hasobject:
        return None
    if not (owner.flags.c_contiguous or owner.flags.f_contiguous):
        return None
    start = value.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    place = (value.shape, value.dtype, start, value.strides, bool(value.flags.writeable))
    return rebuild_view, (owner, *place)


def rebuild_view(
    owner: Any, shape: Any, dtype: Any, start: int, strides: Any, writeable: bool
) -> Any:
    """Return a view into ``owner``'s buffer; pickled artifacts call this by name."""
    numpy: Any = sys.modules["numpy"]
    flat = owner if owner.flags.c_contiguous else owner.T
    view = numpy.ndarray(shape, dtype, buffer=flat, offset=start, strides=strides)
    view.flags.writeable = writeable and owner.flags.writeable
    return view


def _owner(array: Any) -> Any:
    while type(array.base) is type(array):
        array = array.base
    return array
