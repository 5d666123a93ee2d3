"""What to capture in a run: which cell belongs to which step, and its boundaries."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbprod.pipeline.ir import Definition, Pipeline
from nbprod.pipeline.ir import DefinitionKind as Kind

STEP_TAG = "step:"
SKIP_TAG = "skip"
INJECTED_TAG = "injected-parameters"


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step's boundary: its cells, what enters and what leaves."""

    name: str
    cells: tuple[int, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run of a notebook captures.

    Attributes:
        steps: In the notebook's order; ``cells`` count in the notebook that runs.
        metrics: Variables whose final values are the run's metrics.
        hoisted: Names that the generated package defines at module level.
        literals: Constants among them, each with its value as Python source text.
        classes: Classes among them.
    """

    steps: tuple[StepPlan, ...] = ()
    metrics: tuple[str, ...] = ()
    hoisted: tuple[str, ...] = ()
    literals: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def step_of(self, cell: int) -> str:
        """Return the name of the step that a cell belongs to, or an empty text."""
        return next((step.name for step in self.steps if cell in step.cells), "")


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell of the notebook that runs.

    Attributes:
        index: Position in the notebook that runs, from 0, injected cells included.
        number: The source notebook's number of it, from 1; 0 for an injected cell.
        step: Name of its step; empty for none.
        runs: It is code, not blank, and not tagged ``skip``.
    """

    index: int
    number: int
    step: str
    runs: bool


def plan_run(pipeline: Pipeline, cell_tags: tuple[tuple[str, ...], ...], *, own: bool) -> RunPlan:
    """Plan the capture of a run.

    Args:
        pipeline: The steps.
        cell_tags: Tags of each cell of the notebook that runs, injected ones left out.
        own: The notebook that runs is the pipeline's source. Otherwise (the generated
            ``pipeline.ipynb``) its cells are assigned by their ``step:NAME`` tags.
    """
    tagged: dict[str, list[int]] = {}
    for number, tags in enumerate(cell_tags, start=1):
        for tag in tags:
            if tag.startswith(STEP_TAG):
                tagged.setdefault(tag.removeprefix(STEP_TAG), []).append(number)
    steps = tuple(
        StepPlan(
            name=step.name,
            cells=step.cells if own else tuple(tagged.get(step.name, ())),
            inputs=tuple(variable.name for variable in step.inputs),
            outputs=tuple(variable.name for variable in step.outputs),
        )
        for step in pipeline.steps
    )
    metrics = dict.fromkeys(name for step in pipeline.steps for name in step.metrics)
    hoisted = [found for found in pipeline.definitions if found.hoisted]
    return RunPlan(
        steps,
        tuple(metrics),
        tuple(found.name for found in hoisted),
        {found.name: _value(found) for found in hoisted if found.kind is Kind.CONSTANT},
        tuple(found.name for found in hoisted if found.kind is Kind.CLASS),
    )


def _value(constant: Definition) -> str:
    (statement,) = ast.parse(constant.source).body
    assert isinstance(statement, ast.Assign | ast.AnnAssign)
    assert statement.value is not None
    return ast.unparse(statement.value)
