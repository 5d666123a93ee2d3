"""tests/test_pipeline.py of a generated project: tests that run, on the data if it is there."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass

from nbprod.emit.data_file import data_files
from nbprod.emit.modules import Layout, names_in
from nbprod.emit.template import render
from nbprod.pipeline.ir import Effect, Parameter
from nbprod.pipeline.naming import function_name
from nbprod.pipeline.secret import secret_variables


@dataclass(frozen=True, slots=True)
class StepTest:
    """A step and the arguments that its test expects."""

    function: str
    inputs: tuple[str, ...]
    params: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterTest:
    """A parameter, its default as source text, and its type where that can be checked."""

    name: str
    default: str
    type: str
    comparison: str = "=="


@dataclass(frozen=True, slots=True)
class PipelineTest:
    """Context of the test module."""

    package: str
    notebook: str
    imports: tuple[str, ...]
    steps: tuple[StepTest, ...]
    parameters: tuple[ParameterTest, ...]
    data: str
    plots: bool
    network: bool
    elsewhere: bool
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def generated_test(layout: Layout) -> str:
    """Write ``tests/test_pipeline.py``."""
    pipeline = layout.pipeline
    effects = {effect for step in pipeline.steps for effect in step.effects}
    data = data_files(pipeline)
    names: set[str] = set()
    defaults = tuple(each for each in pipeline.parameters if each.default)
    for parameter in defaults:
        names |= names_in(parameter.default)
    return render(
        "project/tests/test_pipeline.py.jinja",
        PipelineTest(
            package=layout.package,
            notebook=json.dumps(layout.notebook, ensure_ascii=False),
            imports=layout.table.statements(names),
            steps=tuple(
                StepTest(
                    function_name(step.name),
                    tuple(variable.name for variable in step.inputs),
                    step.params,
                )
                for step in pipeline.steps
            ),
            parameters=tuple(_parameter_test(parameter) for parameter in defaults),
            secrets=tuple(each.name for each in pipeline.parameters if not each.default),
            variables=secret_variables(pipeline),
            data=json.dumps(data, ensure_ascii=False),
            plots=any(found.import_name == "matplotlib" for found in pipeline.requirements)
            or any(block.draws for step in pipeline.steps for block in step.blocks),
            network=Effect.NETWORK in effects,
            # What a pipeline writes must not land in the author's folder.
            elsewhere=Effect.WRITES_FILES in effects
            and (bool(data) or Effect.READS_FILES not in effects),
        ),
    )


def _parameter_test(parameter: Parameter) -> ParameterTest:
    try:
        kind = type(ast.literal_eval(parameter.default)).__name__
    except ValueError:
        kind = ""
    checked = kind if kind == parameter.annotation else ""
    comparison = "is" if parameter.default in ("True", "False", "None") else "=="
    return ParameterTest(parameter.name, parameter.default, checked, comparison)
