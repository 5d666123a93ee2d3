"""Large buffers of an artifact: each in a file of its own, named by its digest.

They are written from where they lie, without a copy, once however many artifacts hold
them, and are memory-mapped when loaded: pages are read when they are used, and what is
changed stays in memory.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import pickle
import sys
import weakref
from collections.abc import Sequence
from typing import Any

from . import digests, scalars, withheld

SMALLEST = 1 << 14
"""Buffers below this many bytes stay in the artifact's own file."""

_MANY = 1000


class Store:
    """The blobs beside an artifact.

    Args:
        folder: Where they lie; made when the first one is written.

    Attributes:
        written: Digest and size of each buffer, in the order in which pickle met them.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.written: list[tuple[str, int]] = []

    def keep(self, buffer: pickle.PickleBuffer) -> bool:
        """Write a large buffer; tell pickle whether it is to store the buffer itself.

        Raises:
            SecretError: It holds a secret.
        """
        try:
            raw = buffer.raw()
        except BufferError:
            return True
        if raw.nbytes < SMALLEST:
            return True
        digest = digests.sha256_of(raw)
        path = os.path.join(self._folder, digest)
        if not os.path.exists(path):
            withheld.require_none(raw)
            os.makedirs(self._folder, exist_ok=True)
            beside = f"{path}.{os.getpid()}.part"
            try:
                with open(beside, "wb") as file:
                    file.write(raw)
                os.replace(beside, path)
            finally:
                if os.path.exists(beside):
                    os.unlink(beside)
        self.written.append((digest, raw.nbytes))
        return False


_loaded: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def load(folder: str, wanted: Sequence[Sequence[Any]]) -> list[Any]:
    """Map blobs into memory after checking their digests.

    Raises:
        ValueError: If one is not what was written.
        OSError: If one is missing.
    """
    found: list[Any] = []
    for digest, size in wanted:
        with open(os.path.join(folder, digest), "rb") as file:
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
        if hashlib.sha256(mapped).hexdigest() != digest:
            raise ValueError(f"{digest} was changed after the run that wrote it")
        found.append(mapped)
        _loaded.add(mapped)
    return found


def is_loaded(buffer: Any) -> bool:
    """Tell whether a buffer is a blob's: who writes into it changes no file."""
    return isinstance(buffer, mmap.mmap) and buffer in _loaded


def reduce_array(value: Any) -> Any:
    """Reduce an array in another way than numpy, where that is better.

    Returns:
        What a pickler's ``reducer_override`` returns, or ``None`` for any other value.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray:
        return None
    if value.dtype.hasobject:
        return _reduce_objects(numpy, value)
    if value.nbytes < SMALLEST and value.flags.owndata and value.flags.writeable:
        # By numpy's way with buffers it would not own its memory any more, and not be resized.
        return value.__reduce__()
    return None


def _reduce_objects(numpy: Any, value: Any) -> Any:
    """Reduce a large array of texts and the like to one buffer, quicker than one by one.

    One that nobody can write to, as pandas hands them out, would come back writeable.
    """
    reduced = _in_one_buffer(numpy, value)
    if value.flags.writeable:
        return reduced
    make, given, state = value.__reduce__() if reduced is None else (*reduced, ())
    return make, given, state, None, None, set_readonly


def set_readonly(array: Any, state: Any) -> None:
    """Let an array have its state, if it is not whole yet; pickled artifacts call this by name."""
    if state:
        array.__setstate__(state)
    array.flags.writeable = False


def _in_one_buffer(numpy: Any, value: Any) -> Any:
    if value.dtype.kind != "O":
        return None
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = value.ravel(order=order)
    items = flat.tolist()
    if not scalars.are_all(items):
        return None
    wide = [place for place, item in enumerate(items) if type(item) is str and not item.isascii()]
    if len(items) < _MANY and not wide:
        return None
    grown = [place for place in wide if scalars.has_grown(items[place])]
    # The very object, since notebooks ask ``value is np.nan``.
    nan = numpy.nan
    missing = [place for place in numpy.flatnonzero(flat != flat).tolist() if items[place] is nan]
    for place in missing:
        items[place] = None
    data = bytearray(scalars.dumps((items, missing, grown)))
    return rebuild_objects, (pickle.PickleBuffer(data), value.shape, order)


def rebuild_objects(buffer: Any, shape: Any, order: str) -> Any:
    """Return the array of :func:`_reduce_objects`; pickled artifacts call this by name."""
    numpy: Any = sys.modules["numpy"]
    items, missing, grown = scalars.loads(buffer)
    scalars.grow([items[place] for place in grown])
    for place in missing:
        items[place] = numpy.nan
    flat = numpy.empty(len(items), dtype=object)
    flat[:] = items
    return flat.reshape(shape, order=order)
