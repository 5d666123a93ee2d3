"""Arrays that share a buffer: they must share it again after loading.

Pickle copies every numpy array; a view would come back as an array of its own, and
a change through one name would no longer show through the other. So an array that
another one shows, too, is saved as a place in the array that owns the buffer.

Architecture invariant: buffers of pandas objects are left alone. pandas shares them
between objects and copies on write; it would not know of a sharing that we restored.
"""

from __future__ import annotations

import sys
from typing import Any


class Sharing:
    """Learns, while values are pickled, which buffers several arrays show.

    Whether an array's buffer is shown again later is not known when the array comes by.
    So the first attempt only notes; :attr:`found` names the owners then, and a second
    attempt saves views into them.

    Args:
        owners: Ids of the owners of shared buffers, from an earlier attempt.
    """

    def __init__(self, owners: frozenset[int] = frozenset()) -> None:
        self._owners = owners
        self._shown: dict[int, int] = {}
        self._arrays: dict[int, Any] = {}
        self._spared: set[int] = set()

    @property
    def found(self) -> frozenset[int]:
        """Ids of the owners of buffers that more than one array shows."""
        return frozenset(owner for owner, count in self._shown.items() if count > 1)

    def reduce(self, value: Any) -> Any:
        """Reduce a view into a shared buffer to the array that owns it, and a place there.

        Returns:
            What a pickler's ``reducer_override`` returns, or ``None`` for any other value.
        """
        kind = type(value)
        if kind.__module__.startswith("pandas."):
            if kind.__name__.endswith(("Block", "Array", "Index", "Categorical")):
                self._spare(value)
            if kind.__name__.endswith("Manager"):  # one of a Series is saved without its block
                for block in value.blocks:
                    self._spare(block)
            return None
        numpy = sys.modules.get("numpy")
        if numpy is None or kind is not numpy.ndarray or id(value) in self._spared:
            return None
        owner = _owner(value)
        if owner.dtype.hasobject and not _is_slice(value, owner):
            return None
        if not (owner.flags.c_contiguous or owner.flags.f_contiguous):
            return None
        if id(value) not in self._arrays:
            self._arrays[id(value)] = (value, owner)  # kept, so that no id is used again
            self._shown[id(owner)] = self._shown.get(id(owner), 0) + 1
        if owner is value or id(owner) not in self._owners:
            return None
        start = value.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        place = (value.shape, value.dtype, start, value.strides, bool(value.flags.writeable))
        return rebuild_view, (owner, *place)

    def _spare(self, value: Any) -> None:
        for name in ("values", "_ndarray", "_data", "_mask", "_codes"):
            try:
                inner = getattr(value, name, None)
            except Exception:
                inner = None
            if type(inner).__name__ == "ndarray":
                self._spared.add(id(inner))
                self._arrays[id(inner)] = (inner, inner)


def rebuild_view(
    owner: Any, shape: Any, dtype: Any, start: int, strides: Any, writeable: bool
) -> Any:
    """Return a view into ``owner``'s buffer; pickled artifacts call this by name."""
    numpy: Any = sys.modules["numpy"]
    flat = owner if owner.flags.c_contiguous else owner.T
    if owner.dtype.hasobject:
        view = _slice(flat.reshape(-1), shape, start, strides)
        if not writeable:
            view.flags.writeable = False
        return view
    view = numpy.ndarray(shape, dtype, buffer=flat, offset=start, strides=strides)
    view.flags.writeable = writeable and owner.flags.writeable
    return view


def _is_slice(value: Any, owner: Any) -> bool:
    """Tell whether an array of objects, which numpy lets nobody place freely, is a slice."""
    plain = not owner.dtype.names and value.dtype == owner.dtype
    return plain and (value.ndim == 1 or bool(value.flags.c_contiguous))


def _slice(flat: Any, shape: Any, start: int, strides: Any) -> Any:
    first = start // flat.itemsize
    if len(shape) != 1:
        count = 1
        for each in shape:
            count *= each
        return flat[first : first + count].reshape(shape)
    step = strides[0] // flat.itemsize or 1
    end = first + step * shape[0]
    return flat[first : (end if end >= 0 else None) : step]


def _owner(array: Any) -> Any:
    while type(array.base) is type(array):
        array = array.base
    return array
