"""How figures are shown: what ``%matplotlib`` says, and what it depends on if it says nothing.

``pipeline.ipynb`` tells it before it calls a step, so that within a step it cannot change.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nbprod.analysis.effects import PLOTS, Drawing, drawing_of, effects_of
from nbprod.analysis.survey import CellFacts

INLINE = "inline"

_BACKEND = re.compile(r"%matplotlib\b\s*(?P<name>[\w:./-]*)")
_OFF = frozenset({"matplotlib.pyplot.ioff", "matplotlib.interactive"})
_ON = frozenset({"matplotlib.pyplot.ion"})
_NEW = frozenset({"matplotlib.pyplot.figure", "matplotlib.pyplot.subplots"})
_CONTEXTS = frozenset(
    {
        "matplotlib.rc_context",
        "matplotlib.pyplot.rc_context",
        "matplotlib.style.context",
        "matplotlib.pyplot.style.context",
    }
)


@dataclass(slots=True)
class Backends:
    """How the cells of a notebook show figures.

    Attributes:
        told: Cell number -> what ``%matplotlib`` is told there.
        changes: Numbers of the cells from which on figures are shown in another way.
        waiting: Numbers of the cells whose figures wait for ``plt.show()``. The inline backend
            is loaded with the first figure and makes matplotlib interactive; if that happens
            within a context of options (``with plt.style.context(…)``, and in
            ``DataFrame.boxplot``), the end of the context takes it back. So does ``plt.ioff()``.
    """

    told: dict[int, str] = field(default_factory=dict)
    changes: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)


def find_backends(cells: Iterable[CellFacts]) -> Backends:
    """Find how the cells of a notebook show figures.

    Args:
        cells: All of them, in order.
    """
    found = Backends()
    current = ""
    drew = waits = off = was_off = False
    for facts in cells:
        if not facts.executed:
            continue
        number = facts.cell.number
        names = [_BACKEND.match(magic.text) for magic in facts.code.magics]
        said = [match["name"].lower() or "auto" for match in names if match is not None]
        if said:
            found.told[number] = said[-1]
            if waits or (current or INLINE) != said[-1]:
                found.changes.add(number)
            current, waits = said[-1], False
        calls = set(facts.trace.calls)
        begins = not calls.isdisjoint(_OFF)
        off = (off or begins) and calls.isdisjoint(_ON)
        was_off = was_off or begins
        # What was begun meanwhile stays open, and is drawn on; it is shown no more by itself.
        if waits or off or begins or (was_off and calls.isdisjoint(_NEW)):
            found.waiting.add(number)
        if not drew and drawing_of(facts.trace.calls, among_plots=False) is Drawing.YES:
            drew = True
            waits = not current and _takes_back(facts)
    return found


def _takes_back(facts: CellFacts) -> bool:
    """Tell whether a cell's first figure is made within a context of options."""
    calls = facts.trace.calls
    drawing = {call.rpartition(".")[2] for call in calls if PLOTS in effects_of([call])}
    contexts = not _CONTEXTS.isdisjoint(calls)
    for statement in facts.statements:
        for node in ast.walk(statement):
            if contexts and isinstance(node, ast.With) and _first_drawing(node.body, drawing):
                return any(_name(item.context_expr) in _ENDINGS for item in node.items)
        first = _first_drawing([statement], drawing)
        if first is not None:
            makes_its_own = not any(word.arg == "ax" for word in first.keywords)
            return _name(first) == "boxplot" and makes_its_own and _of_pandas(calls)
    return False


_ENDINGS = frozenset(each.rpartition(".")[2] for each in _CONTEXTS)


def _of_pandas(calls: Iterable[str]) -> bool:
    return any(each in {"pandas.DataFrame.boxplot", "?.boxplot"} for each in calls)


def _first_drawing(statements: Iterable[ast.stmt], drawing: set[str]) -> ast.Call | None:
    found = [
        node
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and _name(node) in drawing
    ]
    return min(found, key=lambda node: (node.lineno, node.col_offset), default=None)


def _name(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return getattr(function, "attr", "") or getattr(function, "id", "")


def cuts(step: Iterable[CellFacts], changes: Iterable[int]) -> Iterator[CellFacts]:
    """Yield the cells of a step before which it has to end: earlier ones may have drawn.

    Args:
        step: The cells of one step, in order.
        changes: Numbers of the cells from which on figures are shown in another way.
    """
    changes = list(changes)
    drew = 0
    for facts in step:
        if drew and any(drew < number <= facts.cell.number for number in changes):
            yield facts
            drew = 0
        if drawing_of(facts.trace.calls, among_plots=True) is not Drawing.NO:
            drew = facts.cell.number
