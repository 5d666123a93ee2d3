"""Rule ``absolute-path``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbprod.analysis.rules import finding
from nbprod.analysis.survey import Survey
from nbprod.diagnostics import Diagnostic

_ABSOLUTE = re.compile(
    r"^(?:/(?:home|Users|content|mnt|media|root|data|kaggle|var|opt|srv|Volumes|dbfs)/\S"
    r"|[A-Za-z]:[\\/][\w\\/]|\\\\\w|~/\S)"
)


def absolute_paths(survey: Survey) -> Iterator[Diagnostic]:
    """Find texts in executed cells that name a place on the author's machine."""
    for facts in survey.cells:
        if not facts.executed:
            continue
        prose = {id(each.value) for each in facts.nodes if isinstance(each, ast.Expr)}
        for node in facts.nodes:
            if isinstance(node, ast.Constant) and id(node) not in prose and _is_path(node.value):
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                message = f"The path `{str(node.value)[:60]}` exists on one machine only."
                yield finding("absolute-path", message, origin)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and "\n" not in value and bool(_ABSOLUTE.match(value))
