"""A pipeline as people read it in a terminal: steps and parameters as tables."""

from __future__ import annotations

import io

from nbprod.pipeline.ir import Pipeline
from nbprod.workflows.check import HIDDEN, CheckResult


def describe_pipeline(pipeline: Pipeline, result: CheckResult) -> str:
    """Return the steps and, if there are any, the parameters as plain-text tables.

    Args:
        pipeline: What to show.
        result: The check it comes from, which knows what must not be shown.
    """
    steps = _table(
        ("step", "cells", "needs", "gives", "does"),
        [
            (
                step.name,
                _ranges(step.cells),
                _names([variable.name for variable in step.inputs]),
                _names([variable.name for variable in step.outputs]),
                ", ".join(effect.value for effect in step.effects),
            )
            for step in pipeline.steps
        ],
    )
    if not pipeline.parameters:
        return steps
    parameters = _table(
        ("parameter", "type", "default", "what"),
        [
            (
                each.name,
                each.annotation,
                HIDDEN if result.hides(each) else each.default or "(secret)",
                each.doc,
            )
            for each in pipeline.parameters
        ],
    )
    return f"{steps}\n\n{parameters}"


def _names(names: list[str], limit: int = 6) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def _ranges(numbers: tuple[int, ...]) -> str:
    """Write ``(3, 4, 5, 9)`` as ``3-5, 9``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    stream = io.StringIO()
    Console(file=stream, width=110).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())
