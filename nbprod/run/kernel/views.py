"""Arrays that share a buffer: they must share it again after loading.

Pickle copies every numpy array; a view would come back as an array of its own, and
a change through one name would no longer show through the other. So an array that
another one shows, too, is saved as a place in the array that owns the buffer.

pandas shares buffers between objects (a frame, a column of it, what ``rename`` returns) and
copies before it writes, as long as their blocks know of each other. That they do travels
along: else a change of one would show in all.
"""

from __future__ import annotations

import importlib
import sys
import weakref
from typing import Any

from . import blobs, reductions

_owners_met: dict[int, weakref.ref[Any]] = {}
"""Arrays that were found to be shown by others: the next time, one attempt is enough."""


class Sharing:
    """Learns, while values are pickled, which buffers several arrays show.

    Whether an array's buffer is shown again later is not known when the array comes by.
    So the first attempt notes what it did not expect; :attr:`missed` tells that there was
    something, and a second attempt saves views into those.
    """

    def __init__(self) -> None:
        for key, owner in list(_owners_met.items()):
            if owner() is None:
                del _owners_met[key]
        self._met: dict[int, int] = {}
        self._kept: dict[int, Any] = {}
        self._alone: set[int] = set()
        self._references: dict[int, BlockReferences] = {}
        self.missed = False

    def reduce(self, value: Any) -> Any:
        """Reduce a view into a shared buffer to the array that owns it, and a place there.

        Returns:
            What a pickler's ``reducer_override`` returns, or ``None`` for any other value.
        """
        kind = type(value)
        if kind.__module__.partition(".")[0] == "pandas":
            return self._reduce_pandas(value, kind.__name__)
        numpy = sys.modules.get("numpy")
        if numpy is not None and issubclass(kind, numpy.void):
            return self._reduce_row(value)
        if numpy is None or kind is not numpy.ndarray or id(value) in self._alone:
            return None
        owner = _owner(value)
        if owner.dtype.hasobject and not _is_slice(value, owner):
            return None
        if not (owner.flags.c_contiguous or owner.flags.f_contiguous):
            return _laid_out(numpy, value)
        self._keep(value)
        known = id(owner) in _owners_met
        if not known:
            first = self._met.setdefault(id(self._keep(owner)), id(value))
            if first != id(value):
                _owners_met[id(owner)] = weakref.ref(owner)
                self.missed = True
        if owner is value:
            return None
        if not known and owner.nbytes > max(value.nbytes, blobs.SMALLEST):
            return _laid_out(numpy, value)
        start = value.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        place = (value.shape, value.dtype, start, value.strides, bool(value.flags.writeable))
        return rebuild_view, (owner, *place)

    def _reduce_row(self, value: Any) -> Any:
        """Reduce a row of a structured array, which writes into it, to the array and a place."""
        if not isinstance(value.base, sys.modules["numpy"].ndarray):
            return None
        owner = _owner(value.base)
        if owner.dtype != value.dtype or not owner.flags.c_contiguous:
            return None
        place = sys.modules["numpy"].asarray(value)
        start = place.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return row_of, (owner, start // owner.itemsize)

    def _reduce_pandas(self, value: Any, kind: str) -> Any:
        if kind == "SingleBlockManager" and _is_referred_to(value.blocks[0]):
            # By itself it would be saved without its block.
            return type(value), (value.blocks[0], value.axes[0])
        if kind.endswith("Block"):
            make, (values, *place) = value.__reduce_ex__(5)[:2]
            if hasattr(value.values, "strides"):
                values = value.values  # pandas lays those of a part of a frame side by side
            if not _is_referred_to(value):
                return make, (values, *place)
            shared = self._references.setdefault(id(self._keep(value.refs)), BlockReferences())
            return rebuild_block, (shared, values, *place)
        if kind in {"DataFrame", "Series"}:
            attrs, noted = getattr(value, "_attrs", None), reductions.noted_on(value)
            if attrs or noted:
                made = value.__reduce_ex__(5)
                return *made[:2], (made[2], attrs, noted), None, None, _set_attributes
        if kind.endswith("Index"):
            # Nobody may write to an index: it has a buffer of its own.
            make, given, *rest = value.__reduce_ex__(5)
            parts = given[1] if len(given) > 1 and isinstance(given[1], dict) else {}
            if hasattr(parts.get("data"), "copy"):
                parts = {**parts, "data": self._keep(parts["data"].copy())}
                self._alone.add(id(parts["data"]))
                if reductions.was_searched(value):
                    return reductions.searched, (make, (given[0], parts))
                return make, (given[0], parts), *rest
        return None

    def _keep(self, value: Any) -> Any:
        """Return ``value``, kept so that no id is used again."""
        self._kept[id(value)] = value
        return value


def _laid_out(numpy: Any, value: Any) -> Any:
    """Reduce an array whose items do not lie side by side to them and where they lie.

    Sums and products depend on that in their last digits.
    """
    flags = value.flags
    if flags.c_contiguous or flags.f_contiguous or value.dtype.hasobject or not value.size:
        return None
    begin, end = _extent(value.shape, value.strides, value.itemsize)
    if end - begin > max(_SPARE, 4 * value.nbytes):
        return None
    place = (value.dtype, value.strides, bool(flags.writeable))
    return rebuild_laid_out, (numpy.ascontiguousarray(value), *place)


_SPARE = 1 << 26


def _extent(shape: Any, strides: Any, itemsize: int) -> tuple[int, int]:
    """Return where an array's bytes begin and end, seen from its first item."""
    steps = [(length - 1) * stride for length, stride in zip(shape, strides)]  # noqa: B905
    return sum(min(step, 0) for step in steps), sum(max(step, 0) for step in steps) + itemsize


def rebuild_laid_out(items: Any, dtype: Any, strides: Any, writeable: bool) -> Any:
    """Return an array whose items lie as they did; pickled artifacts call this by name."""
    numpy: Any = sys.modules["numpy"]
    begin, end = _extent(items.shape, strides, dtype.itemsize)
    buffer = numpy.empty(end - begin, dtype="uint8")
    view = numpy.ndarray(items.shape, dtype, buffer, -begin, strides)
    view[...] = items
    view.flags.writeable = writeable
    return view


def _set_attributes(value: Any, state: tuple[Any, Any, dict[str, Any]]) -> None:
    """Let a frame or series have its ``attrs``, of which pandas would make a copy, and its own."""
    value.__setstate__(state[0])
    if state[1]:
        object.__setattr__(value, "_attrs", state[1])
    for name, each in state[2].items():
        object.__setattr__(value, name, each)


class BlockReferences:
    """What the blocks of pandas have in common that share a buffer."""

    def __init__(self) -> None:
        self.known: Any = None


def _is_referred_to(block: Any) -> bool:
    """Tell whether other blocks share a block's buffer; pandas copies before it writes then."""
    references = getattr(block, "refs", None)
    return references is not None and bool(references.has_reference())


def rebuild_block(shared: BlockReferences, values: Any, placement: Any, ndim: int) -> Any:
    """Return a block that knows of others with its buffer; pickled artifacts call this by name."""
    blocks: Any = importlib.import_module("pandas.core.internals.blocks")
    made = blocks.new_block(values, blocks.BlockPlacement(placement), ndim=ndim, refs=shared.known)
    shared.known = made.refs
    return made


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


def row_of(owner: Any, place: int) -> Any:
    """Return a row of a structured array; pickled artifacts call this by name."""
    return owner.reshape(-1)[place]


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
