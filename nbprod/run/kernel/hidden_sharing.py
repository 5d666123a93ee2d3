"""Objects that show the memory of an array without saying so.

``pa.array(a)``, ``Image.fromarray(a)`` and ``cKDTree(a)`` copy nothing: who writes into ``a``
changes them. After saving both each has memory of its own. Arrow tells where its memory is; of
other libraries only their C code knows. There it is found out by experiment: with the array's
bytes turned over for a moment, an object that shows them has another fingerprint.

Nothing is lost by that as long as nobody writes into such memory. So the next kernel watches it,
see :class:`Parted`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import blobs, digests, fingerprint

# Whose objects have memory of their own, beside those of Python itself, or show it in arrays.
_OWN_MEMORY = ("awkward", "catboost", "lightgbm", "numpy", "pandas", "sklearn.tree", "xgboost")
_SHOWS_OTHERS = frozenset({"ctypes", "_ctypes"})

Shown = tuple[str, str, Sequence[str]]
"""The variable that shows memory, the one that holds the arrays, and digests of these."""


def found(walks: fingerprint.Walks) -> list[Shown]:
    """Return which variables show the memory of which others, or of arrays in themselves.

    Args:
        walks: The walks over the variables that a later step may need.
    """
    showing = {name: _showing(walked) for name, (_, walked) in walks.items()}
    if not any(showing.values()):
        return []
    arrays = {name: _arrays(walked) for name, (_, walked) in walks.items()}
    owners = {id(array): array for each in arrays.values() for array in each}
    told: list[Shown] = []
    for holder, objects in showing.items():
        shown = {id(array) for each in objects for array in _shown_by(each, [*owners.values()])}
        for name, held in arrays.items():
            prints = [_digest(array) for array in held if id(array) in shown]
            told += [(holder, name, prints)] if prints else []
    return told


@dataclass(frozen=True)
class _Pair:
    """What was one memory in another kernel, and is two here.

    Attributes:
        holder: The variable whose objects showed the memory.
        name: The one that holds the arrays.
        objects: Those objects.
        arrays: Those arrays.
        before: What both held.
    """

    holder: str
    name: str
    objects: list[Any]
    arrays: list[Any]
    before: tuple[list[str], list[str]]


class Parted:
    """The memory that objects of this kernel no longer share."""

    def __init__(self) -> None:
        self._pairs: list[_Pair] = []

    def watch(self, variables: Mapping[str, Any], shown: Iterable[Shown]) -> None:
        """Look at variables that were just loaded.

        Args:
            variables: The notebook's variables.
            shown: What :func:`found` said where they were saved.
        """
        here = [each for each in shown if variables.keys() >= {each[0], each[1]}]
        walks = fingerprint.walks(variables, [name for each in here for name in each[:2]])
        for holder, name, known in here:
            objects, arrays = _showing(walks[holder][1]), _arrays(walks[name][1])
            arrays = [each for each in arrays if _digest(each) in known] or arrays
            self._pairs.append(_Pair(holder, name, objects, arrays, _contents(objects, arrays)))

    def overwritten(self) -> list[tuple[str, str]]:
        """Return ``(variable whose memory was changed, variable that should have changed)``."""
        told = []
        for pair in self._pairs:
            objects, arrays = _contents(pair.objects, pair.arrays)
            told += [(pair.holder, pair.name)] if objects != pair.before[0] else []
            told += [(pair.name, pair.holder)] if arrays != pair.before[1] else []
        return told

    def still(self, walks: fingerprint.Walks) -> list[Shown]:
        """Return of what was loaded that which its variables still hold."""
        return [
            (pair.holder, pair.name, [_digest(array) for array in pair.arrays])
            for pair in self._pairs
            if {pair.holder, pair.name} <= walks.keys()
            and _have_one(_showing(walks[pair.holder][1]), pair.objects)
            and _have_one(_arrays(walks[pair.name][1]), pair.arrays)
        ]


def _have_one(some: Iterable[Any], others: Iterable[Any]) -> bool:
    return not {*map(id, some)}.isdisjoint(map(id, others))


def _showing(walked: fingerprint.Fingerprint) -> list[Any]:
    """Return the objects met in a walk that may show the memory of others."""
    return [each for each in walked.reduced if _may_show(each)]


def _may_show(value: Any) -> bool:
    module = type(value).__module__
    package = module.partition(".")[0]
    of_python = package in sys.stdlib_module_names or package == "builtins"
    return not module.startswith(_OWN_MEMORY) and (package in _SHOWS_OTHERS or not of_python)


def _arrays(walked: fingerprint.Fingerprint) -> list[Any]:
    """Return the arrays of bytes that own the memory of what was met in a walk."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return []
    owners: dict[int, Any] = {}
    for array in _seen(walked, numpy):
        while isinstance(array.base, numpy.ndarray):
            array = array.base
        laid_out = array.flags.c_contiguous or array.flags.f_contiguous
        if not array.size or not laid_out or array.dtype.hasobject or not array.flags.writeable:
            continue
        behind = array.base.obj if isinstance(array.base, memoryview) else array.base
        own = behind is None or isinstance(behind, bytearray) or blobs.is_loaded(behind)
        if own:  # not a file's, nor another process's
            owners[id(array)] = array
    return list(owners.values())


def _seen(walked: fingerprint.Fingerprint, numpy: Any) -> Iterator[Any]:
    """Yield the arrays met in a walk, and those behind the columns of frames."""
    for value in walked.kept:
        if isinstance(value, numpy.ndarray):
            yield value
            continue
        manager = getattr(value, "_mgr", None) if type(value).__module__ != "__main__" else None
        for block in getattr(manager, "blocks", ()):
            for part in ("_ndarray", "_data", "_mask"):
                array = getattr(block.values, part, None)
                if isinstance(array, numpy.ndarray):
                    yield array
            if isinstance(block.values, numpy.ndarray):
                yield block.values


def _shown_by(value: Any, arrays: list[Any]) -> list[Any]:
    """Return the arrays whose memory an object shows."""
    if type(value).__module__.partition(".")[0] == "pyarrow":
        buffers = [(each.address, each.address + each.size) for each in _buffers(value)]
        return [array for array in arrays if _overlaps(array, buffers)]
    if not arrays or not _shows(value, arrays):
        return []
    if len(arrays) == 1:
        return arrays
    middle = len(arrays) // 2
    return _shown_by(value, arrays[:middle]) + _shown_by(value, arrays[middle:])


def _buffers(value: Any) -> Iterator[Any]:
    """Yield the buffers of what is Arrow's; turned over, those of offsets would lead anywhere."""
    arrow: Any = sys.modules["pyarrow"]
    if isinstance(value, arrow.Buffer):
        yield value
    elif isinstance(value, arrow.Array):
        yield from filter(None, value.buffers())
        if isinstance(value, arrow.DictionaryArray):
            yield from _buffers(value.dictionary)
    elif isinstance(value, (arrow.ChunkedArray, arrow.RecordBatch, arrow.Table)):
        for part in value.chunks if isinstance(value, arrow.ChunkedArray) else value.columns:
            yield from _buffers(part)


def _overlaps(array: Any, buffers: Iterable[tuple[int, int]]) -> bool:
    begin = array.__array_interface__["data"][0]
    return any(first < begin + array.nbytes and begin < last for first, last in buffers)


def _shows(value: Any, arrays: list[Any]) -> bool:
    """Tell whether an object is another one while the bytes of arrays are turned over."""
    numpy: Any = sys.modules["numpy"]
    owners = {id(array) for array in arrays}
    before = _Apart(owners).of(value)
    raw = [_raw(array) for array in arrays]
    for each in raw:
        numpy.invert(each, out=each)
    try:
        return _Apart(owners).of(value) != before
    finally:
        for each in raw:
            numpy.invert(each, out=each)


def _raw(array: Any) -> Any:
    """Return an array's bytes in the order in which they lie: others would be a copy."""
    laid_out = array if array.flags.c_contiguous else array.T
    return laid_out.reshape(-1).view(sys.modules["numpy"].ndarray).view("u1")


def _digest(array: Any) -> str:
    digest = digests.hasher()
    digest.update(memoryview(_raw(array)))
    return str(digest.hexdigest())


def _contents(objects: list[Any], arrays: list[Any]) -> tuple[list[str], list[str]]:
    """Return what tells whether objects and arrays hold what they held."""
    owners = {id(array) for array in arrays}
    return [_Apart(owners).of(each) for each in objects], list(map(_digest, arrays))


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
