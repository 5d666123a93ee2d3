"""Docstrings that the notebook reads keep their layout, which formatting would change."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from nbprod.pipeline.ir import Pipeline

_READS = re.compile(r"__doc__|\bgetdoc\b|\bdoctest\b|\bhelp\(")
_MARK = "  # fmt: skip"


def with_docstrings_kept(pipeline: Pipeline) -> Pipeline:
    """Mark docstrings of several lines, if the notebook reads any, so that ruff leaves them."""
    if not any(_READS.search(source) for source in _sources(pipeline)):
        return pipeline
    return replace(
        pipeline,
        definitions=tuple(
            replace(each, source=_marked(each.source)) for each in pipeline.definitions
        ),
        steps=tuple(
            replace(
                step,
                blocks=tuple(replace(each, source=_marked(each.source)) for each in step.blocks),
            )
            for step in pipeline.steps
        ),
    )


def _sources(pipeline: Pipeline) -> Iterator[str]:
    yield from (each.source for each in pipeline.definitions)
    yield from (block.source for step in pipeline.steps for block in step.blocks)


def _marked(source: str) -> str:
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        first = node.body[0]
        is_docstring = ast.get_docstring(node, clean=False) is not None
        if is_docstring and first.lineno != first.end_lineno and first.end_lineno:
            line = lines[first.end_lineno - 1]
            if not line.encode()[first.end_col_offset :].strip():
                lines[first.end_lineno - 1] = line.rstrip() + _MARK
    return "\n".join(lines)
