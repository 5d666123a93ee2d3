"""Names and what they hold: the notebook's own namespace, and a function's locals."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from nbprod.analysis.memory import Installed, Memory, Place
from nbprod.analysis.value import BINDS, OF, Value, containing, imported, joined

# What IPython puts into a notebook's namespace besides the builtins.
NOTEBOOK_NAMES: dict[str, str] = {
    "display": "IPython.display.display",
    "get_ipython": "IPython.get_ipython",
    "In": "IPython.In",
    "Out": "IPython.Out",
    "_": "IPython._",
    "__": "IPython.__",
    "___": "IPython.___",
    "_i": "IPython._i",
    "_ii": "IPython._ii",
    "_iii": "IPython._iii",
    "_ih": "IPython._ih",
    "_oh": "IPython._oh",
    "_dh": "IPython._dh",
    "exit": "builtins.exit",
    "quit": "builtins.quit",
}
_MODULE_NAMES = frozenset(
    {"__name__", "__doc__", "__builtins__", "__builtin__", "__spec__", "__package__", "__loader__"}
)


def known_from_start(name: str) -> bool:
    """Whether ``name`` is a builtin, or one that IPython or Python puts there."""
    return hasattr(builtins, name) or name in NOTEBOOK_NAMES or name in _MODULE_NAMES


def is_given(name: str) -> bool:
    """Whether ``name`` is a builtin, as IPython's functions are: generated code has it, too."""
    return hasattr(builtins, name) or name in {"display", "get_ipython"}


def initial_value(name: str) -> Value:
    """Return what such a name holds at the start."""
    return imported(NOTEBOOK_NAMES.get(name, f"builtins.{name}"))


class Frame(Protocol):
    """A namespace that code is executed in."""

    memory: Memory
    hidden: list[dict[str, Value]]
    values: dict[str, Value]

    def load(self, name: str, line: int) -> Value:
        """Read a name."""

    def peek(self, name: str) -> Value | None:
        """Return what a name holds without reading it; ``None`` if that is unknown."""

    def place(self) -> Place:
        """Return where what is defined now stands."""

    def surrounds(self, place: Place, name: str) -> bool:
        """Whether ``name``, of a function or comprehension around ``place``, is one of this."""

    def update(self, name: str, value: Value) -> None:
        """Correct what a bound name holds, without binding it."""

    def store(self, name: str, value: Value, line: int = 0) -> None:
        """Bind a name."""

    def delete(self, name: str, line: int) -> None:
        """Unbind a name."""

    def hide(self, names: dict[str, Value]) -> None:
        """Enter a comprehension whose own names are ``names``."""

    def show(self) -> None:
        """Leave the innermost comprehension."""

    def touch(self, code: frozenset[str], line: int) -> None:
        """Read and bind what code reads and binds when it is called."""

    def read_certainly(self, names: Iterable[str], line: int) -> None:
        """Read what the code that is called here reads in any case."""

    def rebind(self, name: str, value: Value) -> None:
        """A called function binds ``name``, which is not its own."""

    def holds(self, holder: Value, held: Value) -> None:
        """Note that ``holder`` comes to hold ``held``."""

    def mark(self) -> frozenset[str]:
        """Return which names are certainly bound here."""

    def rewind(self, bound: Iterable[str]) -> None:
        """Set which names are certainly bound here."""

    def conditionally(self) -> _Conditional:
        """Enter code that may not be executed."""


@dataclass(slots=True)
class _Conditional:
    """Context manager that counts how deep in conditional code we are."""

    frame: _Base

    def __enter__(self) -> None:
        self.frame.depth += 1

    def __exit__(self, *exception: object) -> None:
        self.frame.depth -= 1


@dataclass(slots=True)
class _Base:
    memory: Memory
    depth: int = 0
    hidden: list[dict[str, Value]] = field(default_factory=list)

    def hide(self, names: dict[str, Value]) -> None:
        """Enter a comprehension."""
        self.hidden.append(names)

    def show(self) -> None:
        """Leave the innermost comprehension."""
        self.hidden.pop()

    def touch(self, code: frozenset[str], line: int) -> None:
        """Nothing to do: the names are free names of the function that is summarized."""

    def read_certainly(self, names: Iterable[str], line: int) -> None:
        """Nothing to do: whether the function that is summarized is called is not known."""

    def holds(self, holder: Value, held: Value) -> None:
        """Nothing to note: what names lead to says it all."""

    def conditionally(self) -> _Conditional:
        """Enter code that may not be executed."""
        return _Conditional(self)

    def _hidden(self, name: str) -> Value | None:
        for names in reversed(self.hidden):
            if name in names:
                return names[name]
        return None


@dataclass(frozen=True, slots=True)
class Read:
    """A name read from outside a cell.

    Attributes:
        line: Where.
        certain: It certainly happens.
        bindable: The cell itself may have bound the name by then.
    """

    line: int
    certain: bool
    bindable: bool = False


@dataclass(slots=True)
class CellNames:
    """What one cell does with the notebook's names.

    Attributes:
        reads: Names read before the cell certainly binds them.
        bound: Names certainly bound when the cell ends.
        maybe: Names that the cell may bind, ``bound`` included.
        deleted: Names unbound when the cell ends.
        unsure: Names that it may have unbound.
        revived: Builtins that it reads after it has deleted their namesakes, with the line.
        gone: Other names that it certainly reads after it has deleted them, with the line.
        mentioned: All names it reads, those that called functions read included.
        lines: Line of the first binding of each name.
        called_binds: Names bound only by functions it calls (``global``).
        changed: Names of which more or something else is known when it ends.
    """

    reads: dict[str, Read] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    revived: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    lines: dict[str, int] = field(default_factory=dict)
    called_binds: set[str] = field(default_factory=set)
    changed: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class ModuleFrame(_Base):
    """The notebook's namespace, followed cell by cell."""

    values: dict[str, Value] = field(default_factory=dict)
    names: CellNames = field(default_factory=CellNames)

    @contextmanager
    def cell(self) -> Iterator[CellNames]:
        """Follow one cell; what it does with names is in the object yielded."""
        self.names = CellNames()
        yield self.names

    def load(self, name: str, line: int) -> Value:
        """Read a name."""
        hidden = self._hidden(name)
        if hidden is not None:
            self._touch(hidden.code, line, set())
            return hidden
        self._read(name, line, self.depth == 0)
        value = self.values.get(name)
        if value is None:
            if known_from_start(name):
                return initial_value(name)
            return containing(self.memory.region(name, "unbound"), ())
        self._touch(value.code, line, set())
        return value

    def _read(self, name: str, line: int, certain: bool) -> None:
        names = self.names
        names.mentioned.add(name)
        if name in names.bound:
            return
        if name in names.deleted and known_from_start(name):
            names.revived.setdefault(name, line)
        elif name in names.deleted and certain:
            names.gone.setdefault(name, line)
        known = names.reads.get(name)
        if known is None or (certain and not known.certain):
            names.reads[name] = Read(line, certain, name in names.lines)

    def touch(self, code: frozenset[str], line: int) -> None:
        """Read and bind what code reads and binds when it is called."""
        self._touch(code, line, set())

    def read_certainly(self, names: Iterable[str], line: int) -> None:
        """Read what the code that is called here reads in any case."""
        for name in sorted(names):
            if name not in self.names.called_binds:
                self._read(name, line, self.depth == 0)

    def _touch(self, code: frozenset[str], line: int, seen: set[str]) -> None:
        """Read (or bind) what functions read and bind when they are called."""
        for entry in sorted(code):
            name = entry.lstrip(BINDS)
            if entry in seen or entry.startswith(OF):
                continue
            seen.add(entry)
            value = self.values.get(name)
            if entry.startswith(BINDS):
                self.names.maybe.add(name)
                self.names.called_binds.add(name)
                self.names.deleted.discard(name)
                made = containing(self.memory.region(name, "global"), ())
                self.update(name, made if value is None else joined([value, made]))
                continue
            self._read(name, line, False)
            if value is not None and value.code:
                self._touch(value.code, line, seen)

    def store(self, name: str, value: Value, line: int = 0) -> None:
        """Bind a name."""
        if self.hidden and name in self.hidden[-1]:
            self.hidden[-1][name] = value
            return
        old = self.values.get(name)
        if self.depth and old is not None:
            value = joined([old, replace(value, parts=())])
        self.update(name, value)
        self.names.bound.add(name)
        self.names.maybe.add(name)
        self.names.deleted.discard(name)
        if not self.depth:
            self.names.unsure.discard(name)
        self.names.lines.setdefault(name, line)

    def delete(self, name: str, line: int) -> None:
        """Unbind a name."""
        self._read(name, line, self.depth == 0)
        self.names.bound.discard(name)
        if self.depth == 0:
            self.names.maybe.discard(name)
            self.names.deleted.add(name)
            self.values.pop(name, None)
        else:
            self.names.unsure.add(name)

    def rebind(self, name: str, value: Value) -> None:
        """A called function binds a name that is not its own."""
        if name in self.values:
            self.update(name, joined([self.values[name], replace(value, parts=())]))

    def peek(self, name: str) -> Value | None:
        """Return what a name holds without reading it."""
        hidden = self._hidden(name)
        return self.values.get(name) if hidden is None else hidden

    def place(self) -> Place:
        """Return where what is defined now stands."""
        return Place(frozenset(name for names in self.hidden for name in names))

    def surrounds(self, place: Place, name: str) -> bool:
        """Whether ``name`` is that of a comprehension which is being executed."""
        return self._hidden(name) is not None

    def update(self, name: str, value: Value) -> None:
        """Correct what a name holds."""
        self.values[name] = value
        self.names.changed[name] = None

    def mark(self) -> frozenset[str]:
        """Return which names are certainly bound here."""
        return frozenset(self.names.bound)

    def rewind(self, bound: Iterable[str]) -> None:
        """Set which names are certainly bound here."""
        self.names.bound = set(bound)


@dataclass(slots=True)
class FunctionFrame(_Base):
    """A function's locals while its summary is worked out.

    Attributes:
        outer: The frame its free names come from.
        values: Its locals.
        globals: Names it declares global or nonlocal.
        symbols: Symbolic region to the parameter or free name it stands for.
        rebinds: Names from outside that it binds, with what it binds them to.
        locals: All names it binds as its own.
        around: Where the function's definition stands.
        region: The function's region.
        held: Pairs of names of which the first's object comes to hold the second's.
        installed: Names whose objects come to hold code or open files, see :data:`Installed`.
    """

    outer: Frame | None = None
    values: dict[str, Value] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    symbols: dict[int, str] = field(default_factory=dict)
    rebinds: dict[str, Value] = field(default_factory=dict)
    locals: frozenset[str] = frozenset()
    around: Place = field(default_factory=Place)
    region: int = 0
    held: set[tuple[str, str]] = field(default_factory=set)
    installed: set[Installed] = field(default_factory=set)

    def rebind(self, name: str, value: Value) -> None:
        """A called function binds a name that is not its own."""
        if name in self.values:
            value = joined([self.values[name], replace(value, parts=())])
            self.values[name] = value
        old = self.rebinds.get(name)
        self.rebinds[name] = value if old is None else joined([old, value])

    def holds(self, holder: Value, held: Value) -> None:
        """Note pairs of parameters and outer names, and code and files that come to those."""
        holders = {self.symbols[region] for region in holder.selves & self.symbols.keys()}
        helds = {self.symbols[region] for region in held.reach & self.symbols.keys()}
        self.held.update((first, second) for first in holders for second in helds)
        code = held.code - self.locals
        if code or held.opened:
            self.installed.update((first, code, held.opened) for first in holders)

    def peek(self, name: str) -> Value | None:
        """Return what a name holds without reading it."""
        value = self._hidden(name)
        if value is None:
            value = self.values.get(name)
        return self.free(name) if value is None else value

    def place(self) -> Place:
        """Return where what is defined now stands."""
        hidden = frozenset(name for names in self.hidden for name in names)
        names = hidden | self.locals | self.around.names
        return Place(names, self.around.functions | {self.region})

    def surrounds(self, place: Place, name: str) -> bool:
        """Whether this function is around ``place``."""
        return self.region in place.functions or self._hidden(name) is not None

    def update(self, name: str, value: Value) -> None:
        """Correct what a name holds."""
        self.values[name] = value

    def load(self, name: str, line: int) -> Value:
        """Read a name."""
        value = self._hidden(name)
        if value is None:
            value = self.values.get(name)
        return self.free(name) if value is None else value

    def free(self, name: str) -> Value:
        """Return what a name from outside holds, as a symbol unless it is code."""
        outer = self.outer
        while isinstance(outer, FunctionFrame):
            if outer.region in self.around.functions and name in outer.values:
                return self._symbol(name, outer.values[name])
            outer = outer.outer
        if name in self.around.names:
            return self._symbol(name, None)
        value = outer.values.get(name) if isinstance(outer, ModuleFrame) else None
        if value is None and known_from_start(name):
            return initial_value(name)
        return self._symbol(name, value)

    def _symbol(self, name: str, value: Value | None) -> Value:
        if value is not None and value.immutable:
            return value
        if value is not None and any(region in self.memory.code for region in value.own):
            return value
        region = self.memory.region((id(self), name), "free")
        self.symbols[region] = name
        return containing(region, (), value.type if value else "")

    def store(self, name: str, value: Value, line: int = 0) -> None:
        """Bind a name."""
        if self.hidden and name in self.hidden[-1]:
            self.hidden[-1][name] = value
            return
        if name in self.globals:
            self.rebind(name, value)
        old = self.values.get(name)
        if self.depth and old is not None:
            value = joined([old, replace(value, parts=())])
        self.values[name] = value

    def delete(self, name: str, line: int) -> None:
        """Unbind a name."""
        if self.depth == 0:
            self.values.pop(name, None)

    def mark(self) -> frozenset[str]:
        """Return which names are certainly bound here."""
        return frozenset()

    def rewind(self, bound: Iterable[str]) -> None:
        """Nothing to do: which locals are bound does not matter outside."""
