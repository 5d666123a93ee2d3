"""Invariants of the IR: what every consumer of a pipeline may rely on."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Iterator

from nbprod.pipeline.ir import Pipeline, Step


def violations(pipeline: Pipeline) -> tuple[str, ...]:
    """Return every invariant that ``pipeline`` breaks, one sentence each; empty if it is sound."""
    return (
        *_unique("step", (step.name for step in pipeline.steps)),
        *_unique("parameter", (each.name for each in pipeline.parameters)),
        *_unique("definition", (each.name for each in pipeline.definitions)),
        *_unique("artifact", (each.name for each in pipeline.artifacts)),
        *_identifiers(pipeline),
        *_defaults(pipeline),
        *_inputs(pipeline),
        *_sources(pipeline),
        *_artifacts(pipeline),
    )


def _unique(kind: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"Two of kind {kind} are called {name}."
        seen.add(name)


def _identifiers(pipeline: Pipeline) -> Iterator[str]:
    names = [step.name for step in pipeline.steps]
    names += [each.name for each in pipeline.parameters]
    names += [each.name for each in pipeline.definitions]
    names += [each.name for step in pipeline.steps for each in (*step.inputs, *step.outputs)]
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            yield f"{name!r} is no identifier."
    if not pipeline.name.isidentifier():
        yield f"The pipeline's name {pipeline.name!r} is no identifier."


def _defaults(pipeline: Pipeline) -> Iterator[str]:
    for parameter in pipeline.parameters:
        if not parameter.default and parameter.name in pipeline.secrets:
            continue
        try:
            tree = ast.parse(parameter.default, mode="eval").body
            for part in tree.args if isinstance(tree, ast.Call) else [tree]:
                ast.literal_eval(part)
        except (ValueError, SyntaxError, TypeError):
            yield f"The default of parameter {parameter.name} is no literal: {parameter.default}."


def _inputs(pipeline: Pipeline) -> Iterator[str]:
    """Inputs are produced before, parameters and repeated definitions exist."""
    produced: set[str] = set()
    parameters = {each.name for each in pipeline.parameters}
    repeated = {each.name for each in pipeline.definitions if not each.hoisted}
    for step in pipeline.steps:
        yield from _step(step, produced, parameters, repeated)
        produced.update(each.name for each in step.outputs)


def _step(
    step: Step, produced: set[str], parameters: set[str], repeated: set[str]
) -> Iterator[str]:
    inputs = [each.name for each in step.inputs]
    yield from _unique(f"argument of {step.name}", [*inputs, *step.params])
    yield from _unique(f"output of {step.name}", (each.name for each in step.outputs))
    for name in inputs:
        if name not in produced:
            yield f"Step {step.name} needs {name}, which no earlier step gives."
    for name in step.params:
        if name not in parameters:
            yield f"Step {step.name} reads parameter {name}, which does not exist."
    for name in step.definitions:
        if name not in repeated:
            yield f"Step {step.name} repeats {name}, which is not a definition to repeat."


def _sources(pipeline: Pipeline) -> Iterator[str]:
    sources = [(each.name, each.source) for each in pipeline.definitions]
    sources += [(step.name, block.source) for step in pipeline.steps for block in step.blocks]
    for name, source in sources:
        try:
            ast.parse(source)
        except SyntaxError as error:
            yield f"The source of {name} is no Python: {error.msg}."
    for step in pipeline.steps:
        for block in step.blocks:
            if block.source and len(block.lines) != len(block.source.split("\n")):
                yield f"A block of {step.name} has {len(block.lines)} line numbers for its lines."


def _artifacts(pipeline: Pipeline) -> Iterator[str]:
    outputs = sorted(each.name for step in pipeline.steps for each in step.outputs)
    members = sorted(name for artifact in pipeline.artifacts for name in artifact.members)
    if outputs != members:
        yield "Artifacts and outputs do not agree."
