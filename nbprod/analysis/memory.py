"""The abstract heap of one notebook: regions, and what happened to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from nbprod.analysis.scopes import FunctionNode
from nbprod.analysis.value import Value, containing

CodeNode = FunctionNode | ast.Lambda | ast.ClassDef


@dataclass(slots=True)
class Trace:
    """What executing a stretch of code did.

    Attributes:
        mutated: Regions it changed.
        compared: Regions whose identity it looked at (``is``, ``id``).
        fitted: Regions of estimators it fitted.
        calls: What it called: qualified names, and methods as ``type.method``
            (``?.method`` if the type is unknown).
    """

    mutated: set[int] = field(default_factory=set)
    compared: set[int] = field(default_factory=set)
    fitted: set[int] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)


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
    """

    mutated: frozenset[str]
    mutated_free: frozenset[str]
    result: Value
    regions: dict[int, str]
    calls: frozenset[str]
    fitted: frozenset[str]


@dataclass(slots=True)
class Memory:
    """Regions by the place that makes their objects, and the code within them.

    Attributes:
        trace: Where to note what happens now.
        code: Region of a function or class to its definition.
        summaries: What is known of functions, by region and argument types.
        active: Functions being summarized.
    """

    trace: Trace = field(default_factory=Trace)
    code: dict[int, CodeNode] = field(default_factory=dict)
    summaries: dict[tuple[int, tuple[str, ...]], Summary] = field(default_factory=dict)
    active: set[int] = field(default_factory=set)
    _sites: dict[tuple[object, str], int] = field(default_factory=dict)

    def region(self, place: object, what: str = "") -> int:
        """Return the region of the objects that ``place`` (a node or a name) makes."""
        return self._sites.setdefault((place, what), len(self._sites) + 1)

    def new(self, node: object, holds: Iterable[Value] = (), type_name: str = "") -> Value:
        """Return a new object made at ``node`` that may hold ``holds``."""
        return containing(self.region(node), holds, type_name)

    def change(self, value: Value) -> None:
        """Note that the object itself changes."""
        self.trace.mutated |= value.own

    def change_all(self, value: Value) -> None:
        """Note that all that ``value`` leads to may change, functions and classes apart."""
        self.trace.mutated |= value.reach - self.code.keys()
