"""Which cells of a step leave figures, which a notebook shows when the cell ends."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nbprod.analysis.backends import INLINE, cuts, find_backends
from nbprod.analysis.clearing import clears
from nbprod.analysis.effects import PLOTS, Drawing, drawing_of, effects_of
from nbprod.analysis.rules import finding
from nbprod.analysis.scopes import modules_named
from nbprod.analysis.steps import Draft
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.magic_table import TOLD_ANYWHERE

if TYPE_CHECKING:
    from nbprod.pipeline.build import Plan


def backends(plan: Plan) -> Iterator[str]:
    """Yield for each step what ``%matplotlib`` was last told; empty if nothing, or in vain."""
    told = find_backends(plan.survey.cells).told
    plots = imports_plots(plan)
    for draft in plan.drafts:
        before = [number for number in told if number <= max(draft.numbers, default=0)]
        name = told[max(before)] if before else ""
        yield name if plots or name != INLINE else ""


def mixed_backends(plan: Plan) -> Iterator[Diagnostic]:
    """Yield a finding for each step in which the way to show figures changes midway."""
    found = find_backends(plan.survey.cells)
    for draft in plan.drafts:
        for facts in cuts(draft.cells, found.changes):
            number = max(each for each in found.changes if each <= facts.cell.number)
            message = (
                f"`%matplotlib {found.told[number]}` changes how figures are shown "
                f"in the midst of a step (cells {draft.numbers[0]} to {draft.numbers[-1]})."
            )
            yield finding("mixed-backends", message, facts.cell.origin(plan.notebook.path))


def cleared_midway(plan: Plan) -> Iterator[Diagnostic]:
    """Yield a finding for each step in which a cell clears what others of it have shown."""
    for draft in plan.drafts:
        for facts in clears(draft.cells, plan.blocks):
            message = (
                f"`clear_output` in cell {facts.cell.number} would also clear what cells above "
                f"it show, which are of the same step."
            )
            yield finding("clears-others", message, facts.cell.origin(plan.notebook.path))


def told(plan: Plan) -> Iterator[tuple[str, ...]]:
    """Yield for each step the magics since the step before that go on in ``pipeline.ipynb``.

    They tell of the environment, or say how figures are shown.
    """
    lines: list[tuple[int, str]] = []
    for facts in plan.survey.cells:
        source = facts.cell.source.split("\n")
        for magic in facts.code.magics if facts.executed else ():
            words = [*magic.text.lstrip("%").split(), "", ""]
            is_told = words[1 if words[0] == "load_ext" else 0] in TOLD_ANYWHERE
            if is_told or (words[0] == "config" and words[1].startswith("InlineBackend")):
                lines.append((facts.cell.number, source[magic.line - 1].strip()))
    for draft in plan.drafts:
        last = max(draft.numbers, default=0)
        yield tuple(line for number, line in lines if number <= last)
        lines = [(number, line) for number, line in lines if number > last]


def imports_plots(plan: Plan) -> bool:
    """Tell whether the notebook has to do with figures at all."""
    if not plan.imports.third_party.keys().isdisjoint({"matplotlib", "pylab", "seaborn"}):
        return True
    return any(PLOTS in effects_of(facts.trace.calls) for facts in plan.survey.cells)


def leaves_figures(draft: Draft, plan: Plan, *, among_plots: bool) -> list[bool]:
    """Tell of each cell whether it leaves figures; if unsure, whether others follow.

    What waits for ``plt.show()`` is no figure that a cell leaves.
    """
    waiting = find_backends(plan.survey.cells).waiting
    first = _first_that_may_plot(plan)
    found = [
        Drawing.NO
        if plan.blocks[facts.cell.number].empty or facts.cell.number in waiting
        else drawing_of(facts.trace.calls, among_plots=among_plots and facts.cell.number >= first)
        for facts in draft.cells
    ]
    return [
        each is Drawing.YES or (each is Drawing.MAYBE and any(found[position + 1 :]))
        for position, each in enumerate(found)
    ]


def _first_that_may_plot(plan: Plan) -> int:
    """Return the number of the first cell that imports what may draw."""
    for facts in plan.survey.cells:
        for node in facts.nodes if facts.executed else ():
            if isinstance(node, ast.Import | ast.ImportFrom):
                tops = {module.partition(".")[0] for module in modules_named(node, "")}
                if tops - _DRAWING_NOTHING:
                    return facts.cell.number
    return 0


_DRAWING_NOTHING = frozenset(sys.stdlib_module_names) | {"numpy", "scipy", "joblib"}
