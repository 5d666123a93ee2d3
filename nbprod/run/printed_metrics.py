"""Metrics that a notebook's metrics cell prints, such as ``accuracy: 0.93``."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable
from typing import Any

from nbprod.notebook.tags import METRICS_TAGS

_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LINE = re.compile(
    r"\s*(?:(?P<title>[A-Za-z_][\w .@/()-]{0,60}?)\s*[:=]|(?P<word>[A-Za-z_]\w{0,60})[ \t])"
    rf"\s*(?P<value>{_NUMBER}|True|False)(?P<percent>\s?%)?\s*"
)


def printed_metrics(text: str) -> dict[str, object]:
    """Return the metrics among lines of printed text; of a name printed twice, the last.

    A line is one name and one number or truth value, with a colon, an equals sign or a space
    between them, or a dict of them. ``93 %`` is 0.93; spaces in names become underscores.
    """
    found: dict[str, object] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            value = _value(match["value"])
            if match["percent"] and not isinstance(value, bool):
                value = value / 100
            found[_name(match["title"] or match["word"])] = value
        elif line.lstrip().startswith("{"):
            found.update(_dict(line.strip()))
    return found


def _value(text: str) -> bool | int | float:
    if text in {"True", "False"}:
        return text == "True"
    return int(text) if text.lstrip("+-").replace("_", "").isdigit() else float(text)


def _name(title: str) -> str:
    return re.sub(r"\W+", "_", title.strip()).strip("_")


def _dict(text: str) -> dict[str, object]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        _name(name): value
        for name, value in found.items()
        if isinstance(name, str)
        and isinstance(value, int | float)
        and math.isfinite(value)
        and _name(name)
    }


def printed_by_metrics_cells(cells: Iterable[Any]) -> str:
    """Return what the cells tagged as metrics printed to stdout."""
    return "".join(
        output["text"]
        for cell in cells
        if METRICS_TAGS.intersection(cell.get("metadata", {}).get("tags", ()))
        for output in cell.get("outputs", ())
        if output.get("output_type") == "stream" and output.get("name") == "stdout"
    )
