"""Fingerprints of variables: object graph and content, so that any change shows.

Two values of equal content and equal inner sharing have one fingerprint, in this
process and, for data, in any other. Buffers are hashed where they lie; nothing large
is copied. What has no content to look at (a lock, an open file, a figure) counts by
its identity.
"""

from __future__ import annotations

import argparse
import array
import copyreg
import enum
import functools
import gc
import hashlib
import io
import itertools
import logging
import mmap
import random
import sys
import types
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from . import attributes, callers, contents, digests, reductions, rewrite, scalars

_BUFFERS = (bytearray, array.array, mmap.mmap)
_MANY = 64
_BLOCK = 1 << 22
_ARROW_ROWS = 1 << 16
ANYTHING = "*"
"""Among the names of code: it may hold any."""

NODE_LIMIT = 200_000
"""Objects that are walked one by one for a variable; beyond, pickle's own walk counts."""

_IDENTITY_ONLY = (
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    types.FrameType,
    types.TracebackType,
    io.IOBase,
)
_LIBRARY_CODE = (
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.MemberDescriptorType,  # a slot
    types.GetSetDescriptorType,
)


home_of: dict[str, str] = {}
"""Module to the one that its classes had in the notebook: ``__main__``."""
renamed: dict[int, tuple[type, str]] = {}
"""Classes of the notebook's that have another name here, by their ids, with their own."""


class _TooManyError(Exception):
    """The walk met more objects than it may."""


class Fingerprint:
    """The walk over one variable's objects.

    Attributes:
        met: Ids of the mutable objects and owners of buffers that were reached.
        buffers: Ids of the owners of buffers behind frames, which pandas lets them share.
        opaque: Names of the types that count by identity only.
        local: Qualified names of the notebook's functions and of its classes of which it holds
            instances: their code and globals are not all in the fingerprint.
        code: It holds such functions or classes themselves.
        own: The author's modules of which it holds code, or instances of classes.
        orders: Digests of the orders that sets in it have: nobody changed the set, but who goes
            through it sees them.
        reduced: Objects whose content only they themselves can say.
        kept: The objects that it met, so that no id is used twice.
    """

    def __init__(self) -> None:
        self._hash = digests.hasher()
        self._order: dict[int, int] = {}
        self._singletons: Collection[int] | None = None
        self.met: set[int] = set()
        self.buffers: set[int] = set()
        self.opaque: set[str] = set()
        self.local: set[str] = set()
        self.code = False
        self.own: set[str] = set()
        self.orders: list[str] = []
        self.reduced: list[Any] = []
        self.kept: list[Any] = []

    def add(self, value: Any) -> None:
        """Take in a value."""
        kind = type(value)
        if kind in scalars.KINDS:
            if kind is float and value != value:
                self._missing(value)
            self._tag(kind.__name__, repr(value) if kind is not bytes else value.hex())
            return
        if self._met_before(value):
            return
        for module, handles, add in _KINDS:
            if (not module or module in sys.modules) and handles(value):
                add(self, value)
                return
        self._object(value)

    def _missing(self, value: float) -> None:
        """Take in a NaN, which equals nothing but itself: lists and dicts find it by identity."""
        if self._singletons is None:
            self._singletons = reductions.singletons().keys()
        if id(value) not in self._singletons:
            self.met.add(id(value))
            self.kept.append(value)

    def hexdigest(self) -> str:
        """Return the fingerprint."""
        return str(self._hash.hexdigest())

    def _tag(self, *parts: object) -> None:
        for part in parts:
            data = str(part).encode("utf-8", "surrogatepass")
            self._hash.update(len(data).to_bytes(8, "little") + data)

    def _met_before(self, value: Any) -> bool:
        known = self._order.get(id(value))
        if known is not None:
            self._tag("again", known)
            return True
        if len(self._order) >= NODE_LIMIT:
            raise _TooManyError
        self._order[id(value)] = len(self._order)
        self.kept.append(value)
        return False

    def _buffer(self, data: memoryview) -> None:
        for start in range(0, len(data), _BLOCK):
            self._hash.update(data[start : start + _BLOCK])

    def _scalars(self, values: Any) -> bool:
        """Take in a long sequence of scalars at C speed; tell whether it was one."""
        if len(values) < _MANY or not scalars.are_all(values):
            return False
        for start in range(0, len(values), 50_000):
            self._hash.update(scalars.dumps(list(values[start : start + 50_000])))
        return True

    def _sequence(self, value: Any) -> None:
        self._class(value)
        items = contents.items(value)
        self._tag(len(items))
        if type(value) is not tuple:
            self.met.add(id(value))
        if isinstance(value, deque):
            self._tag(value.maxlen)
        self._values(items)
        self._attributes(value, {})

    def _mapping(self, value: Any) -> None:
        self._class(value)
        if isinstance(value, types.MappingProxyType):
            self.met.update(map(id, gc.get_referents(value)))  # the dict that it shows
        keys = contents.keys(value)
        self._tag(len(keys))
        self.met.add(id(value))
        self._values(keys)
        self._values(contents.values(value))
        if isinstance(value, defaultdict) and value.default_factory is not None:
            self.add(value.default_factory)
        self._attributes(value, {})

    def _values(self, values: Any) -> None:
        if not self._scalars(values):
            for item in values:
                self.add(item)

    def _set(self, value: Any) -> None:
        self._class(value)
        if isinstance(value, set):
            self.met.add(id(value))
        parts = []
        for item in contents.items(value):
            part = Fingerprint()
            part.add(item)
            parts.append(part.hexdigest())
            self.local |= part.local
            self.code = self.code or part.code
            self.own |= part.own
            self.opaque |= part.opaque
            self.met |= part.met
            self.buffers |= part.buffers
            self.orders += part.orders
            self.reduced += part.reduced
            self.kept += part.kept
        self.orders.append(_joined(parts))
        self._tag(len(parts), *sorted(parts))

    def _class(self, value: Any) -> None:
        kind = type(value)
        if kind.__module__ == "__main__":
            self.local.add(_at_home(kind)[1])
        elif callers.is_own_module(kind.__module__):
            self.own.add(kind.__module__)
        self._tag(*_at_home(kind))

    def _array(self, value: Any) -> None:
        self._class(value)
        self._tag(value.dtype.str if not value.dtype.names else value.dtype.descr, value.shape)
        self.met |= owners(value)
        masked = sys.modules["numpy"].ma.MaskedArray
        if isinstance(value, masked):
            self.met |= owners(value._mask)
            self.array_data(value.data)
            self.array_data(sys.modules["numpy"].ma.getmaskarray(value))
            self._tag(value.hardmask)
            # Asked for, it would be worked out and kept; some versions of numpy keep the
            # default of objects as a text, others as an object.
            fill = value._fill_value
            if fill is None and value.dtype.hasobject and not value.dtype.names:
                fill = sys.modules["numpy"].ma.default_fill_value(value.dtype)
            self.add(masked([], dtype=value.dtype, fill_value=fill).fill_value)
            return
        self._tag(value.flags.writeable)
        self.array_data(value)
        memmap = sys.modules["numpy"].memmap
        only_read = type(value) is memmap and value.mode == "r"
        self._attributes(value, {"_mmap"} if only_read else {})

    def array_data(self, array: Any) -> None:
        """Take in the values of an array, in place."""
        numpy: Any = sys.modules["numpy"]
        if array.dtype.hasobject:
            if array.dtype.names:
                for name in array.dtype.names:
                    self.array_data(numpy.asarray(array[name]))
            else:
                self._objects(array)
            return
        plain = array.view(numpy.ndarray) if type(array) is not numpy.ndarray else array
        if plain.size == 0:
            return
        if plain.flags.c_contiguous:
            self._buffer(memoryview(plain.reshape(-1).view("u1")))
        elif plain.flags.f_contiguous:
            self._tag("F")
            self._buffer(memoryview(plain.T.reshape(-1).view("u1")))
        elif plain.ndim == 1:
            step = max(1, _BLOCK // plain.itemsize)
            for start in range(0, len(plain), step):
                part = numpy.ascontiguousarray(plain[start : start + step])
                self._buffer(memoryview(part.view("u1")))
        else:
            for row in plain:
                self.array_data(row)

    def _objects(self, array: Any) -> None:
        flat = array if array.ndim == 1 else array.ravel()
        for start in range(0, len(flat), 50_000):
            self._values(flat[start : start + 50_000].tolist())

    def _numpy_scalar(self, value: Any) -> None:
        self._class(value)
        if value.dtype.names:
            self._row(value)
            return
        self._tag(value.dtype.str)
        self._hash.update(value.tobytes())

    def _row(self, value: Any) -> None:
        """Take in a row of a structured array, which writes into that array."""
        self.met |= owners(value.base)
        self._tag(value.dtype.descr)
        if not value.dtype.hasobject:
            self._hash.update(value.tobytes())
            return
        for name in value.dtype.names:
            self.add(value[name])

    def _generator(self, value: Any) -> None:
        self._class(value)
        if value is getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None):
            self._tag("global")  # as in ``rand = np.random.rand``; its state is no variable's
            return
        self.met.add(id(value))
        if hasattr(value, "get_state"):
            self.add(value.get_state(legacy=False))
        else:
            self.add(getattr(value, "bit_generator", value).state)

    def _python_generator(self, value: Any) -> None:
        self._class(value)
        if value is getattr(sys.modules.get("random"), "_inst", None):
            self._tag("global")
            return
        self.met.add(id(value))
        if not isinstance(value, random.SystemRandom):  # which has no state
            self.add(value.getstate())

    def _frame(self, value: Any) -> None:
        self._class(value)
        self.met.add(id(value))
        self.add(value.index)
        if value.ndim == 1:
            self.add(value.name)
            self._column(value.array)
        else:
            self.add(value.columns)
            for column in _columns(value):
                self._column(column)
        self.met.add(id(value.attrs))
        self.add(dict(value.attrs))
        self._tag(value.flags.allows_duplicate_labels)
        for name in value._metadata:
            if name not in {"name", "_name"}:
                self._tag(name)
                self.add(getattr(value, name, None))
        noted = reductions.noted_on(value)
        if noted:
            self.add(noted)

    def _index(self, value: Any) -> None:
        self._class(value)
        self.add(list(value.names))
        if hasattr(value, "levels"):
            for level, codes in zip(value.levels, value.codes):  # noqa: B905
                self.add(level)
                self.array_data(codes)
        elif type(value).__name__ == "RangeIndex":
            self._tag(value.start, value.stop, value.step)
        else:
            shared, self.met = self.met, set()
            self._column(value.array)
            # Nobody can write to an index: what its array is shared with shows nowhere. The
            # objects in it are their owners'.
            self.met = shared | self.met if value.dtype == object else shared
        self._tag(getattr(value, "freqstr", None))

    def _column(self, values: Any) -> None:
        """Take in a column: an array of numpy's or an extension array."""
        numpy: Any = sys.modules["numpy"]
        self.buffers |= owners(values)
        if isinstance(values, numpy.ndarray):
            self._tag(values.dtype.str, values.shape)
            self.array_data(values)
            return
        self._class(values)
        for part in ("codes", "_mask", "_data", "_ndarray"):
            self.buffers |= owners(getattr(values, part, None))
        self._tag(values.dtype, len(values))
        if hasattr(values, "codes"):
            self.add(values.categories)
            self._tag(values.ordered)
            self.array_data(values.codes)
            return
        if hasattr(values, "_mask"):
            self.array_data(values._mask)
            self.array_data(values._data)
            return
        inner = getattr(values, "_ndarray", None)
        if isinstance(inner, numpy.ndarray):
            self.array_data(inner)
            return
        if hasattr(values, "_pa_array"):
            self._arrow(values._pa_array)
            return
        self._object(values)

    def _arrow(self, data: Any) -> None:
        """Take in Arrow's data, which nobody can write to, however it lies in chunks."""
        self.reduced.append(data)
        arrow: Any = sys.modules["pyarrow"]
        empty = arrow.nulls(0, data.type)
        for start in range(0, len(data), _ARROW_ROWS):
            # With an empty one beside them even one part is laid out anew: slices have offsets.
            part = arrow.concat_arrays([*data.slice(start, _ARROW_ROWS).chunks, empty])
            batch = arrow.record_batch([part], names=[""])
            sink = arrow.BufferOutputStream()
            with arrow.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            self._hash.update(sink.getvalue())

    def _plotly(self, value: Any) -> None:
        """Take in a figure of plotly's or a part of one: its JSON, whose keys have no order."""
        self._class(value)
        self.met.add(id(value))
        if isinstance(value, sys.modules["plotly.basedatatypes"].BaseFigure):
            self.met.update(map(id, (*value.data, value.layout)))
            self.add(value._grid_ref)
        self.add(_sorted(value.to_plotly_json()))
        self.add(getattr(value, "_parent", None))

    def _code(self, value: Any) -> None:
        """Take in a function or class: the notebook's own by content, others by name."""
        module, name = _at_home(value)
        self._tag("code", type(value).__name__, module, name)
        if module == "__main__":
            self.local.add(name)
            self.code = True
        else:
            # A fitted model's class can load one, too: that says nothing of the model.
            if not isinstance(value, type) or str(module).startswith("pyarrow"):
                self._note_reader(f"{module}.{name}")
            of_module = name if isinstance(value, types.ModuleType) else module
            if callers.is_own_module(str(of_module)):
                self.own.add(str(of_module))
        if isinstance(value, types.MethodType):
            self.add(value.__func__)
            self.add(value.__self__)
        elif isinstance(value, types.BuiltinFunctionType):
            if not isinstance(value.__self__, (types.ModuleType, type(None))):
                self.add(value.__self__)
        elif isinstance(value, types.FunctionType):
            if not _importable(value) and reductions.dispatches(value):
                self.add(value.registry)  # type: ignore[attr-defined]
            elif not _importable(value):
                self._function(value)
        elif isinstance(value, type):
            if not _importable(value):
                for part, member in sorted(vars(value).items()):
                    if part not in _CLASS_PARTS and not part.startswith("_abc_"):
                        self._tag(part)
                        self.add(member)
        elif isinstance(value, types.CodeType):
            self._hash.update(value.co_code)
            self._tag(value.co_names, value.co_varnames)
            for constant in value.co_consts:
                self.add(constant)
        elif isinstance(value, (staticmethod, classmethod)):
            self.add(value.__func__)
        elif isinstance(value, property):
            for accessor in (value.fget, value.fset, value.fdel):
                self.add(accessor)

    def _note_reader(self, name: str) -> None:
        """Note a function that reads files unseen when somebody calls it."""
        if rewrite.opens_past_python(name):
            self.opaque.add(name)

    def _function(self, value: Any) -> None:
        self.add(value.__code__)
        self.add(value.__defaults__)
        self.add(value.__kwdefaults__)
        for cell in value.__closure__ or ():
            self.met.add(id(cell))
            try:
                self.add(cell.cell_contents)
            except ValueError:
                self._tag("empty cell")
        if value.__dict__:
            self.met.add(id(value))
            self.add(dict(value.__dict__))

    def _object(self, value: Any) -> None:
        kind: Any = type(value)
        if kind.__module__ == "builtins" and self._spent_iterator(value):
            return
        self._class(value)
        if isinstance(value, enum.Enum):
            self._tag("member", value.name)
            return
        if kind.__module__ in _FRAMES or _is_shell(value):
            return
        if isinstance(value, _IDENTITY_ONLY) or kind.__module__.startswith(_BY_IDENTITY):
            self._by_identity(value)
            return
        if kind.__module__ == "typing" and kind.__name__ == "TypeVar":
            self._tag(value.__name__)  # its module is another one after loading
            return
        self.met.add(id(value))
        if kind is itertools.count:
            self._tag(repr(value))
            return
        if kind is functools.cached_property:  # whose lock, in Python 3.11, is its own
            self._tag(value.attrname)
            self.add(value.func)
            return
        if isinstance(value, logging.Logger) and logging.getLogger(value.name) is value:
            # One of the process's: its level and handlers are ambient state, not a variable's.
            self._tag(value.name)
            return
        if kind.__module__.split(".")[0] == "torch" and callable(getattr(value, "numpy", None)):
            self.reduced.append(value)  # ``torch.from_numpy`` shows an array's memory
            self.add(value.detach().cpu().numpy())
            return
        if kind.__module__.partition(".")[0] in _OWN_STATE and _says_its_state(kind):
            # What they leave out they compute again: caches, copies of the class's attributes.
            self._reduced(value)
            return
        if attributes.hold_everything(kind):
            cached = _cached(kind)
            authors = callers.is_of_author(kind)
            if authors and not (attributes.own_dict(value) or {}).keys().isdisjoint(cached):
                self.opaque.add("cached_property")  # it may hold what a file held
            self._attributes(value, cached)
            return
        self._reduced(value)

    def _spent_iterator(self, value: Any) -> bool:
        """Take in an iterator at its end, which comes back as one over another kind of nothing."""
        reduce = getattr(value, "__reduce__", None)
        if not isinstance(value, Iterator) or reduce is None:
            return False
        try:
            make, (over, *_), *_ = reduce()
        except Exception:
            return False  # it cannot be saved, like a generator
        if make is not iter or not isinstance(over, (list, tuple, str)) or over:
            return False
        self._tag("spent iterator")
        self.met.update({id(value), id(over)} if isinstance(over, list) else {id(value)})
        self.kept.append(over)
        return True

    def _attributes(self, value: Any, skipped: Mapping[str, Any] | set[str]) -> None:
        own = attributes.own_dict(value)
        if type(own) is dict:
            self.met.add(id(own))
        found = attributes.attributes(value)
        names = [name for name in found if name not in skipped]
        for name in names if _shows_order(value) else sorted(names):
            self._tag(name)
            self.add(found[name])

    def _reduced(self, value: Any) -> None:
        self.reduced.append(value)
        if type(value).__module__.startswith(_LAZY):
            self.opaque.add(type(value).__name__)
        reduce = copyreg.dispatch_table.get(type(value))
        try:
            found = reduce(value) if reduce is not None else value.__reduce_ex__(4)
        except Exception:
            self._by_identity(value)
            return
        if isinstance(found, str):
            module = getattr(value, "__module__", "")
            self._tag("named", module, found)
            self._note_reader(f"{module}.{found}")
            return
        for number, part in enumerate(found):
            if part is None or (number == 2 and part == {} and isinstance(value, BaseException)):
                continue  # looking for attributes gives an exception a place for them
            self._tag(number)
            if number == 2 and type(value).__module__ in _COUNTING_TREES:
                part = (*part[:7], *part[11:])
            self.add(list(part) if number in {3, 4} else part)
        if isinstance(value, BaseException):
            self.add(value.__cause__)

    def _by_identity(self, value: Any) -> None:
        self.opaque.add(type(value).__name__)
        self.met.add(id(value))
        self._tag("identity", id(value))


class _HashWriter:
    def __init__(self, digest: Any) -> None:
        self._hash = digest

    def write(self, data: Any) -> int:
        self._hash.update(data)
        return memoryview(data).nbytes


_LAZY = ("pyarrow._dataset", "pyarrow._fs", "pyarrow.fs", "polars.lazyframe", "deltalake")
"""Modules whose objects say which files they read, not what these hold."""

_FRAMES = frozenset({"patsy.eval"})
"""Modules whose objects hold the frame that made them: all that was visible there, and after
loading what is visible where they were loaded. Formulas look names up there."""

_CLASS_PARTS = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__"})
_CLASS_PARTS |= {"__slotnames__"}  # what pickle notes in a class once it has saved an instance
_BY_IDENTITY = ("matplotlib.", "_thread", "threading", "weakref", "socket", "sqlite3", "IPython.")
# What some of scikit-learn's estimators keep when they are asked.
_OF_ESTIMATORS = {"_cached_dict", "_stop_words_id"}

# Trees of scikit-learn's that count their nodes as they are asked: items 7 to 10 of the state.
_COUNTING_TREES = frozenset({"sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"})

_OWN_STATE = frozenset({"pandas", "numpy", "scipy", "plotly", "pathlib", "PIL"})


def _shows_order(value: Any) -> bool:
    """Tell whether it shows its attributes in the order in which they were set."""
    return isinstance(value, (types.SimpleNamespace, argparse.Namespace))


def _is_shell(value: Any) -> bool:
    """Tell whether it is the shell that runs the cells, of which each kernel has one."""
    kind: Any = getattr(sys.modules.get("IPython.core.interactiveshell"), "InteractiveShell", ())
    return isinstance(value, kind)


def _at_home(value: Any) -> tuple[Any, str]:
    """Return the module and name of code as they are in the notebook."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    module = getattr(value, "__module__", None)
    if module not in home_of:
        return module, name
    return home_of[module], renamed[id(value)][1] if id(value) in renamed else name


def _importable(value: Any) -> bool:
    """Tell whether a function or class is found again under its name in its module."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return False
    found: Any = module
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


@functools.cache
def _says_its_state(kind: type) -> bool:
    own = {"__getstate__", "__reduce__", "__reduce_ex__"}
    return any(own & vars(base).keys() for base in kind.__mro__ if base is not object)


def _cached(kind: type) -> set[str]:
    """Return the attributes that reading computes: they are no change."""
    own = _OF_ESTIMATORS if kind.__module__.startswith("sklearn.") else set()
    return own | {
        name
        for base in kind.__mro__
        for name, member in vars(base).items()
        if isinstance(member, functools.cached_property)
    }


def owners(array: Any) -> set[int]:
    """Return the ids of what owns an array's buffer, whatever class of array shows it."""
    numpy: Any = sys.modules["numpy"]
    if not isinstance(array, numpy.ndarray):
        return set()  # a masked array without a mask
    while isinstance(array.base, numpy.ndarray):
        array = array.base
    behind = array.base.obj if type(array.base) is memoryview else array.base
    return {id(array), id(behind)} if isinstance(behind, _BUFFERS) else {id(array)}


def _columns(frame: Any) -> Iterable[Any]:
    """Return the columns' arrays without making a Series of each."""
    try:
        found: list[Any] = [None] * frame.shape[1]
        for block in frame._mgr.blocks:
            places = block.mgr_locs.as_array
            values = block.values
            for number, place in enumerate(places):
                found[place] = values if values.ndim == 1 else values[number]
    except Exception:
        found = [frame.iloc[:, number].array for number in range(frame.shape[1])]
    return found


def _sorted(part: Any) -> Any:
    """Return JSON with the keys of its objects in one order."""
    if isinstance(part, dict):
        return {key: _sorted(part[key]) for key in sorted(part)}
    return [_sorted(each) for each in part] if isinstance(part, (list, tuple)) else part


def _is(*names: str) -> Any:
    """Return a test for classes of a loaded module, named ``module:Class``."""

    def test(value: Any) -> bool:
        for name in names:
            module, _, attribute = name.partition(":")
            owner: Any = sys.modules.get(module)
            kind = getattr(owner, attribute, None) if owner is not None else None
            if isinstance(kind, type) and isinstance(value, kind):
                return True
        return False

    return test


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, deque))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, (dict, types.MappingProxyType))


def _is_code(value: Any) -> bool:
    return isinstance(
        value,
        (
            types.FunctionType,
            types.MethodType,
            types.ModuleType,
            types.CodeType,
            type,
            property,
            staticmethod,
            classmethod,
            *_LIBRARY_CODE,
        ),
    )


_KINDS: tuple[tuple[str, Any, Any], ...] = (
    ("", _is_sequence, Fingerprint._sequence),
    ("", _is_mapping, Fingerprint._mapping),
    ("", lambda value: isinstance(value, (set, frozenset)), Fingerprint._set),
    ("", _is_code, Fingerprint._code),
    ("random", _is("random:Random"), Fingerprint._python_generator),
    ("numpy", _is("numpy:ndarray"), Fingerprint._array),
    ("numpy", _is("numpy:generic"), Fingerprint._numpy_scalar),
    (
        "numpy.random",
        _is("numpy.random:RandomState", "numpy.random:Generator", "numpy.random:BitGenerator"),
        Fingerprint._generator,
    ),
    (
        "plotly.basedatatypes",
        _is("plotly.basedatatypes:BaseFigure", "plotly.basedatatypes:BasePlotlyType"),
        Fingerprint._plotly,
    ),
    ("pandas", _is("pandas:DataFrame", "pandas:Series"), Fingerprint._frame),
    ("pandas", _is("pandas:Index"), Fingerprint._index),
    ("pandas", _is("pandas.api.extensions:ExtensionArray"), Fingerprint._column),
)


def fingerprint(value: Any) -> tuple[str, set[int], set[str]]:
    """Return a value's fingerprint, the ids of what it may share, and what is opaque in it."""
    text, found = walk(value)
    return text, found.met, found.opaque


def walk(value: Any) -> tuple[str, Fingerprint]:
    """Return a value's fingerprint, and what was met on the way."""
    found = Fingerprint()
    try:
        found.add(value)
        return found.hexdigest(), found
    except (_TooManyError, RecursionError):
        found.opaque = set()
        for names in (found.local, found.own):
            names.add(ANYTHING)  # what was not walked may hold it
        found.code = True
    except Exception as error:
        found.met, found.opaque = set(), {type(value).__name__}
        return f"unknown {type(error).__name__} {id(value)}", found
    return _by_pickle(value), found


def _by_pickle(value: Any) -> str:
    digest = digests.hasher()
    try:
        from . import artifacts

        artifacts.pickler(_HashWriter(digest)).dump(value)
    except Exception:
        return f"identity {id(value)}"
    return str(digest.hexdigest())


Walks = dict[str, tuple[str, Fingerprint]]


def walks(variables: Mapping[str, Any], names: Iterable[str]) -> Walks:
    """Return fingerprint and walk of each of the variables; those not bound are left out."""
    return {name: walk(variables[name]) for name in dict.fromkeys(names) if name in variables}


def survey(variables: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Fingerprint variables, and find which share objects or buffers; see :func:`summary`."""
    return summary(walks(variables, names))


def summary(found: Walks) -> dict[str, Any]:
    """Return what walks over variables found.

    Returns:
        ``{"fingerprints": {name: text}, "shares": [[name, ...]], "opaque": {name: [type]},
        "local": {name: [code]}, "own": {name: [module]}, "orders": {name: digest},
        "code": [name]}``; for the last four see :class:`Fingerprint`.
    """
    return {
        "fingerprints": {name: text for name, (text, _) in found.items()},
        "shares": groups({name: walked.met for name, (_, walked) in found.items()}),
        "opaque": {name: sorted(each.opaque) for name, (_, each) in found.items() if each.opaque},
        "local": {name: sorted(each.local) for name, (_, each) in found.items() if each.local},
        "own": {name: sorted(each.own) for name, (_, each) in found.items() if each.own},
        "orders": {name: _joined(each.orders) for name, (_, each) in found.items() if each.orders},
        "code": [name for name, (_, walked) in found.items() if walked.code],
    }


def _joined(digests: list[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def unlike(variables: Mapping[str, Any], prints: Mapping[str, str]) -> list[str]:
    """Return the variables whose fingerprints are not those given."""
    return [name for name, text in prints.items() if fingerprint(variables[name])[0] != text]


def groups(reached: Mapping[str, Collection[int]]) -> list[list[str]]:
    """Return the groups of names that reach an object in common, directly or through others."""
    found: list[tuple[list[str], set[int]]] = []
    for name, met in reached.items():
        joined: tuple[list[str], set[int]] = ([name], set(met))
        apart = []
        for group in found:
            if joined[1].isdisjoint(group[1]):
                apart.append(group)
            else:
                joined = (group[0] + joined[0], group[1] | joined[1])
        found = [*apart, joined]
    return [sorted(names) for names, _ in found if len(names) > 1]


def pairs(reached: Mapping[str, set[int]]) -> list[tuple[str, str, int]]:
    """Return how many objects each two names both reach, where they do.

    Args:
        reached: What each name reaches, as :attr:`Fingerprint.met` says.
    """
    holders: dict[int, tuple[str, ...]] = {}
    for name, met in sorted(reached.items()):
        for each in met:
            holders[each] = (*holders.get(each, ()), name)
    found: Counter[tuple[str, str]] = Counter()
    for names, count in Counter(holders.values()).items():
        for pair in itertools.combinations(names, 2):
            found[pair] += count
    return sorted((one, other, count) for (one, other), count in found.items())
