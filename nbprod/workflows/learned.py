"""What a run showed that the conversion could not know: changes that never happen.

A call that is not known may change what it is given, so the careful conversion hands it
on. If a run shows that it does not, the notebook can say so, and the code gets simpler;
every later run checks what the notebook says.
"""

from __future__ import annotations

import ast
from pathlib import Path

from nbprod.pipeline.ir import Pipeline, Step
from nbprod.run.history import recorded_runs
from nbprod.run.record import RunRecord, RunState


def last_run(pipeline: Pipeline, notebook: Path) -> RunRecord | None:
    """Return the last completed run of the very notebook that a pipeline came from."""
    return next(
        (
            record
            for record in recorded_runs(notebook.parent)
            if record.notebook_digest == pipeline.source.digest
            and record.state is RunState.COMPLETED
            and record.stretches
        ),
        None,
    )


def unchanged_variables(pipeline: Pipeline, record: RunRecord) -> dict[str, tuple[str, ...]]:
    """Return, by step, the variables that it hands on as changed and that did not change.

    Args:
        pipeline: The steps.
        record: A captured run of the notebook itself.
    """
    found = {}
    for step in pipeline.steps:
        own = [each for each in record.stretches if each.step == step.name]
        changed = {name for each in own for name in each.changed}
        inputs = {variable.name for variable in step.inputs}
        names = tuple(
            variable.name
            for variable in step.outputs
            if variable.name in inputs - changed and variable.name not in _bound(step)
        )
        if own and names:
            found[step.name] = names
    return found


def cells_to_note(step: Step, names: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    """Return which cells of a step are to say so of which variables: all that name them."""
    found: dict[int, tuple[str, ...]] = {}
    for name in names:
        naming = [b.origin.cell for b in step.blocks if name in _names(b.source, ast.Load)]
        for cell in naming or step.cells:
            found[cell] = (*found.get(cell, ()), name)
    return found


def _bound(step: Step) -> set[str]:
    return {name for block in step.blocks for name in _names(block.source, ast.Store, ast.Del)}


def _names(source: str, *contexts: type[ast.expr_context]) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, contexts)
    }
