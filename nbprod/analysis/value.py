"""Abstract values: what is known of an object without running anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

NOTHING: frozenset[int] = frozenset()

SCALAR_TYPES = frozenset(
    {"int", "float", "str", "bool", "bytes", "complex", "NoneType", "scalar", "range", "type"}
)

# Reading an item of it that is not there makes one.
DEFAULTDICT = "collections.defaultdict"

# They hold data, not objects that others hold too.
FLAT_TYPES = frozenset({"pandas.DataFrame", "pandas.Series", "pandas.Index", "numpy.ndarray"})

GENERATOR_TYPES = frozenset(
    {
        "numpy.random.RandomState",
        "numpy.random.Generator",
        "numpy.random.BitGenerator",
        "random.Random",
    }
)

DRAWN_TYPES = GENERATOR_TYPES | {"io.BytesIO", "io.StringIO"}
"""Whoever is given one may leave it in another state, though it is not told to change it."""

# They hand out data: what is read from them does not lead back to them.
SOURCES = frozenset({"io.IOBase", "csv.reader", "sqlite3.Connection", "sqlite3.Cursor"})

BINDS = "="
"""Before a name in a value's code: the code binds it."""

OF = "@"
"""Before a name in a value's code: there is an instance of that class, which keeps its class."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable may hold.

    A *region* stands for the mutable objects made at one place of the code. Two values
    whose regions meet may share objects; a value without regions is immutable.

    Attributes:
        own: Regions that the object itself may be.
        reach: Regions that it may lead to, its own included.
        type: Qualified class such as ``pandas.DataFrame``; ``name:pandas.read_csv`` for
            something imported; empty if unknown.
        code: Names that functions within it read when they are called; see :data:`BINDS`
            and :data:`OF`.
        pinned: Why it cannot leave its process; empty if it can.
        parts: Its elements, if it is a tuple or list display.
        loose: It was handed back by something that may hand back anything it leads to.
        opened: Names of the files that it, or what it holds, has open for writing; ``""`` for
            one whose name is not known.
    """

    own: frozenset[int] = NOTHING
    reach: frozenset[int] = NOTHING
    type: str = ""
    code: frozenset[str] = frozenset()
    pinned: str = ""
    parts: tuple[Value, ...] = ()
    loose: bool = False
    opened: frozenset[str] = frozenset()

    @property
    def selves(self) -> frozenset[int]:
        """Regions that the object itself may be, however unlikely."""
        return self.reach if self.loose else self.own

    @property
    def immutable(self) -> bool:
        """Whether nothing that it leads to can change."""
        return not self.reach and not self.code

    @property
    def qualified(self) -> str:
        """Dotted name of the imported thing it is, or empty."""
        return self.type[5:] if self.type.startswith("name:") else ""


def scalar(type_name: str = "scalar") -> Value:
    """Return an immutable value."""
    return Value(type=type_name)


def imported(qualified: str) -> Value:
    """Return the value of an imported module, function or class."""
    return Value(type=f"name:{qualified}")


def joined(values: Iterable[Value]) -> Value:
    """Return what is known of an object that is one of ``values``."""
    items = list(values)
    if len(items) == 1:
        return items[0]
    types = {value.type for value in items}
    return Value(
        own=frozenset().union(*(value.own for value in items)),
        reach=frozenset().union(*(value.reach for value in items)),
        type=types.pop() if len(types) == 1 else "",
        code=frozenset().union(*(value.code for value in items)),
        pinned=next((value.pinned for value in items if value.pinned), ""),
        loose=any(value.loose for value in items),
        opened=frozenset().union(*(value.opened for value in items)),
    )


def containing(region: int, values: Iterable[Value], type_name: str = "") -> Value:
    """Return a new object in ``region`` that holds (or may hold) ``values``."""
    own = frozenset({region})
    items = list(values)
    return Value(
        own=own,
        reach=own.union(*(value.reach for value in items)),
        type=type_name,
        code=frozenset().union(*(value.code for value in items)),
        pinned=next((value.pinned for value in items if value.pinned), ""),
        opened=frozenset().union(*(value.opened for value in items)),
    )


GENERATOR = "a generator"
"""Why a generator cannot leave its process."""

COROUTINE = "a coroutine"
"""Why what an ``async`` function returns cannot leave its process before it is awaited."""

ITERATORS = frozenset({"iterator", "generator"})


def element_of(value: Value, type_name: str = "") -> Value:
    """Return what is known of something that ``value`` leads to."""
    if value.type == "iterator" and value.parts:
        # What zip, enumerate and dict.items give: tuples, of which the places are known.
        return replace(value, own=NOTHING, type="tuple", pinned="")
    if value.type in SOURCES:
        return scalar() if value.type != "csv.reader" else replace(_handed_out(value), type="")
    value = consumed(value)
    pinned = "" if value.pinned == GENERATOR else value.pinned  # what it gives is no generator
    return replace(value, own=value.reach, type=type_name, pinned=pinned, parts=(), loose=False)


def consumed(value: Value) -> Value:
    """Return what is left of an iterator once its elements are taken: those alone."""
    if value.type in SOURCES:
        return _handed_out(value)
    return replace(value, pinned="", type="") if value.type in ITERATORS else value


def _handed_out(value: Value) -> Value:
    """Return what a source of data gives: rows and lines, which keep nothing of it."""
    given = replace(value, own=value.reach, pinned="", code=frozenset(), parts=(), loose=False)
    return replace(given, opened=frozenset())
