"""What cells of a run did that no step holds: nothing replays them, so it must be nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from nbprod.pipeline.ir import DefinitionKind, Pipeline
from nbprod.run.record import RunRecord, StretchRecord
from nbprod.run.replay import GENERATORS, OutputComparison, StepReplay
from nbprod.run.step_key import seeds

_LIBRARIES = {"python": "random", "numpy": "numpy.random", "torch": "torch"}
_PASSING = re.compile(r"(^|/)(__pycache__|\.ipynb_checkpoints|\.nbprod|\.git)(/|$)")


def with_outside(
    record: RunRecord, pipeline: Pipeline, steps: tuple[StepReplay, ...]
) -> tuple[StepReplay, ...]:
    """Add what cells outside the steps did to the comparison of the step that comes next.

    Variables that they changed are known as changes that no step declares.
    """
    found: dict[str, tuple[OutputComparison, ...]] = {each.step: () for each in steps}
    for place, stretch in enumerate(record.stretches):
        if stretch.step:
            continue
        later = [each.step for each in record.stretches[place:] if each.step in found]
        if later or steps:
            name = later[0] if later else steps[-1].step
            found[name] += tuple(_effects(record, pipeline, place, stretch))
    return tuple(
        replace(each, outputs=(*each.outputs, *found[each.step])) if found[each.step] else each
        for each in steps
    )


def _effects(
    record: RunRecord, pipeline: Pipeline, place: int, stretch: StretchRecord
) -> Iterator[OutputComparison]:
    cells = ", ".join(map(str, stretch.cells))
    if not stretch.cells or _imports(pipeline, stretch):
        return
    start = record.stretches[0].state_before
    before, after = stretch.state_before, stretch.state_after
    for name in sorted(_drawn_later(record, place) if seeds(pipeline) else ()):
        moved = before.get(name) != after.get(name) and before.get(name) != start.get(name)
        if moved:
            detail = f"cell {cells}, which the pipeline leaves out, draws random numbers"
            library = f"random state of `{_LIBRARIES[name]}`"
            yield OutputComparison(library, False, detail, "ambient")
    for written in stretch.files:
        path = written.after.path
        if written.before.sha256 != written.after.sha256 and not _PASSING.search(path):
            detail = f"cell {cells}, which the pipeline leaves out, writes it"
            yield OutputComparison(PurePath(path).name, False, detail, "file")


def _imports(pipeline: Pipeline, stretch: StretchRecord) -> bool:
    """Whether cells import something: generated code does so, too, at another place."""
    return any(
        found.kind is DefinitionKind.IMPORT
        and found.origin is not None
        and found.origin.cell in stretch.cells
        for found in pipeline.definitions
    )


def _drawn_later(record: RunRecord, place: int) -> frozenset[str]:
    """Return the generators that stretches after ``place`` draw from."""
    return frozenset(
        name
        for name in GENERATORS
        for found in record.stretches[place + 1 :]
        if found.state_before.get(name) != found.state_after.get(name)
    )
