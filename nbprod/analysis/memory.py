"""The abstract heap of one notebook: regions, and what happened to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from nbprod.analysis.scopes import FunctionNode
from nbprod.analysis.value import DRAWN_TYPES, FLAT_TYPES, Value, containing

Installed = tuple[str, frozenset[str], frozenset[str]]
"""A name, names that the code reads that its object comes to hold, files open for writing."""

CodeNode = FunctionNode | ast.Lambda | ast.ClassDef


@dataclass(slots=True)
class Trace:
    """What executing a stretch of code did.

    Attributes:
        mutated: Regions it changed.
        compared: Regions whose identity it looked at (``is``, ``id``).
        fitted: Regions of estimators it fitted.
        fitted_names: Variables by which it fitted them.
        calls: What it called: qualified names, and methods as ``type.method``
            (``?.method`` if the type is unknown); what it set of a library, with ``=``
            behind the name, and read by ``[]``.
        kept: Names that code reads which a library keeps from now on.
        closed: Regions of the files it closed or wrote out, and of what holds those.
    """

    mutated: set[int] = field(default_factory=set)
    compared: set[int] = field(default_factory=set)
    fitted: set[int] = field(default_factory=set)
    fitted_names: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Summary:
    """What calling a function of the author's own does.

    Attributes:
        mutated: Parameters whose objects it changes.
        mutated_free: Names from outside whose objects it changes.
        result: What it returns, in terms of ``regions``.
        regions: Symbolic region to the parameter or outer name it stands for.
        calls: What it calls.
        fitted: Parameters and outer names that hold estimators it fits.
        rebinds: Names from outside that it binds, with what it binds them to.
        changed_code: Regions of functions and classes of which it sets attributes, and of
            logs that it writes to.
        holds: Pairs of names of which the first's object comes to hold the second's.
        installs: Names whose objects come to hold code, with what that reads, or open files.
        closed: Parameters and outer names that hold files it closes.
        kept: Names that code reads which it gives to a library for keeps.
    """

    mutated: frozenset[str]
    mutated_free: frozenset[str]
    result: Value
    regions: dict[int, str]
    calls: frozenset[str]
    fitted: frozenset[str]
    holds: frozenset[tuple[str, str]] = frozenset()
    installs: frozenset[Installed] = frozenset()
    closed: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    rebinds: tuple[tuple[str, Value], ...] = ()
    changed_code: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the definition of a function or class stands.

    Attributes:
        names: Names of the functions and comprehensions around it.
        functions: Regions of those functions.
    """

    names: frozenset[str] = frozenset()
    functions: frozenset[int] = frozenset()


@dataclass(slots=True)
class Memory:
    """Regions by the place that makes their objects, and the code within them.

    Attributes:
        trace: Where to note what happens now.
        code: Region of a function or class to its definition.
        summaries: What is known of functions, by region and argument types.
        active: Functions being summarized.
        states: Regions of what attributes of functions and classes hold.
        drawn: Regions of random generators and of texts read as files.
        logged: Regions of what logs are written to, which whoever logs changes.
        flat: Regions of plain data, which fitting an estimator never changes.
        shared_columns: A frame and its columns share their values, as before pandas 3.
        openers: Functions of own modules that may leave a file open for writing.
        owners: Region of a class method to its class.
        cells: Regions of the variables that closures keep of the call that made them.
        places: Region of a function or class to where its definition stands.
    """

    trace: Trace = field(default_factory=Trace)
    code: dict[int, CodeNode] = field(default_factory=dict)
    summaries: dict[tuple[int, tuple[str, ...]], Summary] = field(default_factory=dict)
    active: set[int] = field(default_factory=set)
    drawn: set[int] = field(default_factory=set)
    logged: set[int] = field(default_factory=set)
    flat: set[int] = field(default_factory=set)
    states: set[int] = field(default_factory=set)
    shared_columns: bool = False
    openers: frozenset[str] = frozenset()
    owners: dict[int, Value] = field(default_factory=dict)
    cells: set[int] = field(default_factory=set)
    places: dict[int, Place] = field(default_factory=dict)
    _sites: dict[tuple[object, str], int] = field(default_factory=dict)

    def region(self, place: object, what: str = "") -> int:
        """Return the region of the objects that ``place`` (a node or a name) makes."""
        return self._sites.setdefault((place, what), len(self._sites) + 1)

    def made_at(self, place: object) -> frozenset[int]:
        """Return all regions of what ``place`` makes."""
        return frozenset(region for (each, _), region in self._sites.items() if each is place)

    def new(self, node: object, holds: Iterable[Value] = (), type_name: str = "") -> Value:
        """Return a new object made at ``node`` that may hold ``holds``."""
        made = containing(self.region(node), holds, type_name)
        if type_name in FLAT_TYPES:
            self.flat |= made.own
        elif type_name in DRAWN_TYPES:
            self.drawn |= made.own
        return made

    def change(self, value: Value) -> None:
        """Note that the object itself changes."""
        self.trace.mutated |= value.selves

    def draw(self, values: Iterable[Value]) -> None:
        """Note that something draws from the generators, or reads the texts, in ``values``."""
        for value in values:
            self.trace.mutated |= value.reach & self.drawn

    def change_all(self, value: Value) -> None:
        """Note that all that ``value`` leads to may change, functions and classes apart."""
        spared = self.code.keys() | (self.states if value.own & self.code.keys() else set())
        self.trace.mutated |= value.reach - spared

    def define(self, node: CodeNode, place: Place) -> frozenset[int]:
        """Return the regions of a function or class, and of what its attributes hold.

        Args:
            node: The definition.
            place: Where it stands.
        """
        region, state = self.region(node), self.region(node, "state")
        self.code[region] = node
        self.places[region] = place
        self.states.add(state)
        self.flat.add(state)
        return frozenset({region, state})
