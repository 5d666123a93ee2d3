"""README.md of a generated project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbprod.diagnostics import Diagnostic, Severity
from nbprod.emit.data_file import data_files
from nbprod.emit.formatting import LintFinding
from nbprod.emit.line_map import LineMap
from nbprod.emit.modules import Layout, results_of
from nbprod.emit.prose import prose, split_at_heading
from nbprod.emit.template import render
from nbprod.emit.typing_gap import TypingGap
from nbprod.pipeline.ir import Parameter, Pipeline, Step
from nbprod.pipeline.naming import function_name
from nbprod.pipeline.order import dependencies
from nbprod.pipeline.secret import secret_variables

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as a row of the table."""

    name: str
    what: str
    cells: str
    inputs: str
    outputs: str


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow of the diagram, between numbers of steps; dotted if nothing flows."""

    source: int
    target: int
    label: str
    flows: bool


@dataclass(frozen=True, slots=True)
class ReadmeText:
    """Context of ``README.md``."""

    title: str
    doc: str
    closing: str
    notebook: str
    package: str
    service: str
    python: str
    has_definitions: bool
    steps: tuple[StepRow, ...]
    edges: tuple[Edge, ...]
    results: str
    parameters: tuple[Parameter, ...]
    secrets: str
    secret_arguments: str
    example: str
    data: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    gaps: tuple[str, ...]


def readme(
    layout: Layout,
    *,
    findings: Sequence[LintFinding],
    gaps: Sequence[TypingGap],
    line_map: LineMap,
    diagnostics: Sequence[Diagnostic],
) -> str:
    """Write ``README.md``: what it is, how to run, test and serve it, what was left out.

    Args:
        layout: The project.
        findings: What ruff reports on the author's lines.
        gaps: What the author left untyped.
        line_map: Tells the cell of a generated line.
        diagnostics: What the conversion had to say; errors and warnings are listed.
    """
    pipeline = layout.pipeline
    places = [
        f"{line_map.describe(found.path, found.line)}: {found.message} ({found.code})"
        for found in findings
    ]
    places += [f"{_place(gap.cell, gap.line)}: {gap.message}" for gap in gaps]
    return render(
        "project/README.md.jinja",
        ReadmeText(
            title=" ".join((pipeline.source.title or pipeline.name).split()),
            doc=pipeline.source.doc.strip(),
            closing=_closing(pipeline.source.closing.strip()),
            notebook=layout.notebook,
            package=layout.package,
            service=pipeline.service,
            python=pipeline.python,
            has_definitions=bool(layout.table.definitions),
            steps=tuple(_row(step) for step in pipeline.steps),
            edges=_edges(layout),
            results=_listed([variable.name for variable in results_of(pipeline)]),
            parameters=pipeline.parameters,
            secrets=_secrets(pipeline),
            secret_arguments=", ".join(
                f"{each.name}=..." for each in pipeline.parameters if not each.default
            ),
            example=_example(pipeline.parameters),
            data=_listed(data_files(pipeline)),
            left_out=tuple(_left_out(layout)),
            notes=tuple(
                f"{_place(found.origin.cell if found.origin else 0, 0)}: {found.message}"
                for found in diagnostics
                if found.severity is Severity.WARNING
            ),
            gaps=tuple(dict.fromkeys(places)),
        ),
    )


def _closing(text: str) -> str:
    """Give what stands at the notebook's end a heading if it has none of its own."""
    return f"## From the notebook's end\n\n{text}" if text and not text.startswith("#") else text


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _place(cell: int, line: int) -> str:
    if not cell:
        return "Notebook"
    return f"Cell {cell}, line {line}" if line else f"Cell {cell}"


def _row(step: Step) -> StepRow:
    doc = prose(split_at_heading(step.doc)[1], 10_000).split("\n")[0]
    return StepRow(
        function_name(step.name),
        doc.rstrip("."),
        ", ".join(str(cell) for cell in step.cells),
        _listed([*(variable.name for variable in step.inputs), *step.params]),
        _listed([variable.name for variable in step.outputs]),
    )


def _edges(layout: Layout) -> tuple[Edge, ...]:
    numbers = {step.name: number for number, step in enumerate(layout.pipeline.steps, start=1)}
    return tuple(
        Edge(
            numbers[each.before],
            numbers[each.after],
            _label(each.variables or each.reasons),
            flows=bool(each.variables),
        )
        for each in dependencies(layout.pipeline)
    )


def _label(names: tuple[str, ...]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _secrets(pipeline: Pipeline) -> str:
    """Return what to say of the secrets that the pipeline needs; empty if it needs none."""
    names = ", ".join(f"`{name}`" for name in secret_variables(pipeline))
    if not names:
        return ""
    return prose(
        f"It needs secrets, which no file here holds: set {names} in the environment. "
        "`nbprod run .` keeps them out of all that it writes; papermill alone would write a "
        "parameter given with `-p`, and what cells print, into the output notebook.",
        100,
    )


def _example(parameters: tuple[Parameter, ...]) -> str:
    """Return papermill options that set one parameter, if one is a plain number."""
    for parameter in parameters:
        if parameter.default.replace(".", "", 1).isdigit():
            return f" -p {parameter.name} {parameter.default}"
    return ""


def _left_out(layout: Layout) -> list[str]:
    found = []
    for step in layout.pipeline.steps:
        for block in step.blocks:
            if block.display:
                shown = " ".join(block.display.split())
                shown = shown if len(shown) <= 60 else shown[:57] + "..."
                quoted = f"`` {shown} ``" if "`" in shown else f"`{shown}`"
                found.append(f"Cell {block.origin.cell}: {quoted}")
    return found
