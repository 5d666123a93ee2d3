"""Two runs of one notebook compared, to tell what is unstable in itself."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from nbprod.events import Listener, ignore_events
from nbprod.run.printed import (
    left_out_magics_print,
    printed_by,
    printed_difference,
)
from nbprod.run.record import RunRecord
from nbprod.run.replay import (
    PRINTED,
    OutputComparison,
    ReplayRequest,
    StepReplay,
    cells_of,
    compare_again,
)
from nbprod.run.stable_text import stable_difference

_NUMBERS = re.compile(r"\d+")


def mark_unstable(
    request: ReplayRequest,
    steps: tuple[StepReplay, ...],
    again: RunRecord,
    listener: Listener = ignore_events,
) -> tuple[StepReplay, ...]:
    """Mark the differences that the notebook shows between two runs of its own, too.

    A value is unstable if it differs at the same place: another column that differs, or
    another type, is the pipeline's doing.

    Args:
        request: The replay; its record is the first run.
        steps: Results of the replay.
        again: The second run of the same notebook.
        listener: Gets progress.
    """
    differing = [found.step for found in steps if _differs(found)]
    second = {
        found.step: found
        for found in compare_again(replace(request, steps=tuple(differing)), again, listener)
    }
    return tuple(_marked(request, again, found, second.get(found.step)) for found in steps)


def _differs(found: StepReplay) -> bool:
    return any(not output.equal for output in found.outputs)


def _marked(
    request: ReplayRequest, again: RunRecord, found: StepReplay, second: StepReplay | None
) -> StepReplay:
    if second is None:
        return found
    own = {(output.kind, output.name): output for output in second.outputs}
    printed = printed_comparison(again, request.record, cells_of(request.record, found.step))
    if printed is not None:
        own[printed.kind, printed.name] = printed
    outputs = []
    for output in found.outputs:
        differs = "" if output.equal else _stably_printed(request, again, found, output)
        if differs:
            outputs.append(replace(output, detail=differs))
        else:
            unstable = not output.equal and _same_place(output, own)
            outputs.append(replace(output, unstable=unstable))
    return replace(found, outputs=tuple(outputs))


def _stably_printed(
    request: ReplayRequest, again: RunRecord, found: StepReplay, output: OutputComparison
) -> str:
    """Return what differs of printed text in what the notebook prints the same each time."""
    cells = cells_of(request.record, found.step)
    if output.kind != "printed" or left_out_magics_print(Path(request.record.output), cells):
        return ""
    texts = [
        printed_by(Path(record.output), cells_of(record, found.step))
        for record in (request.record, again)
    ]
    return stable_difference(found.printed, *texts)


def _same_place(output: OutputComparison, own: dict[tuple[str, str], OutputComparison]) -> bool:
    other = own.get((output.kind, output.name))
    if other is None or other.equal or not output.comparable or not other.comparable:
        return False
    return _place(output.detail) == _place(other.detail)


def _place(detail: str) -> str:
    return _NUMBERS.sub("#", detail.rpartition(": ")[0])


def printed_comparison(
    again: RunRecord, first: RunRecord, cells: Collection[int]
) -> OutputComparison | None:
    """Compare what cells printed in two runs; ``None`` if neither printed anything."""
    texts = [printed_by(Path(record.output), cells) for record in (again, first)]
    if not any(text.strip() for text in texts):
        return None
    difference = printed_difference(*texts)
    return OutputComparison(PRINTED, not difference, difference, "printed")
