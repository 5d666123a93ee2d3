"""Cells that clear what was shown: in a pipeline all cells of a step show as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nbprod.analysis.blocks import CellBlock
from nbprod.analysis.effects import PLOTS, effects_of
from nbprod.analysis.survey import CellFacts

_CLEAR = "clear_output"


def clears(step: Iterable[CellFacts], blocks: Mapping[int, CellBlock]) -> Iterator[CellFacts]:
    """Yield the cells of a step before which it has to end: they would clear what others show.

    Args:
        step: The cells of one step, in order.
        blocks: What remains of each cell, by number.
    """
    shown = False
    for facts in step:
        if shown and any(call.rpartition(".")[2] == _CLEAR for call in facts.trace.calls):
            yield facts
            shown = False
        shown = shown or _shows(facts, blocks[facts.cell.number])


def _shows(facts: CellFacts, block: CellBlock) -> bool:
    return bool(block.display) or not {"prints", PLOTS}.isdisjoint(effects_of(facts.trace.calls))
