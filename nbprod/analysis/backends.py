"""Where ``%matplotlib`` changes how figures are shown.

``pipeline.ipynb`` tells it before it calls a step, so that within a step it cannot change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nbprod.analysis.effects import Drawing, drawing_of
from nbprod.analysis.survey import CellFacts

_BACKEND = re.compile(r"%matplotlib\b\s*(?P<name>[\w:./-]*)")


def changes(cells: Iterable[CellFacts]) -> dict[int, str]:
    """Return the cells that choose another backend than was in use.

    Args:
        cells: All cells of the notebook, in order.

    Returns:
        Cell number -> what ``%matplotlib`` is told; empty for inline figures, as at first.
    """
    found: dict[int, str] = {}
    current = ""
    for facts in cells:
        name = current
        for magic in facts.code.magics if facts.executed else ():
            told = _BACKEND.match(magic.text)
            if told is not None:
                name = told["name"].lower() or "auto"
                name = "" if name == "inline" else name
        if name != current:
            found[facts.cell.number] = current = name
    return found


def cuts(step: Iterable[CellFacts], changed: Iterable[int]) -> Iterator[CellFacts]:
    """Yield the cells of a step before which it has to end: earlier ones may have drawn.

    Args:
        step: The cells of one step, in order.
        changed: Numbers of the cells that change the backend (:func:`changes`).
    """
    changed = list(changed)
    drew = 0
    for facts in step:
        if drew and any(drew < number <= facts.cell.number for number in changed):
            yield facts
            drew = 0
        if drawing_of(facts.trace.calls, among_plots=True) is not Drawing.NO:
            drew = facts.cell.number
