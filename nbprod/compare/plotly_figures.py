"""Figures of plotly's and their parts: by the JSON that a page draws; plotly is loaded."""

from __future__ import annotations

import base64
import sys
from typing import Any

from nbprod.compare.walk import Walk


def is_figure(value: Any) -> bool:
    """Tell whether ``value`` is a figure of plotly's, or a trace, a layout or a part of those."""
    types: Any = sys.modules.get("plotly.basedatatypes")
    return types is not None and isinstance(value, types.BaseFigure | types.BasePlotlyType)


def figure_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare what two figures draw, and where further traces of subplots would go."""
    return walk.compare(_drawn(one.to_plotly_json()), _drawn(other.to_plotly_json())) or (
        walk.compare(getattr(one, "_grid_ref", None), getattr(other, "_grid_ref", None), "subplots")
    )


def _drawn(part: Any) -> Any:
    """Return JSON with its keys in one order, and arrays as such: some are written as bytes."""
    if isinstance(part, dict):
        if {"dtype", "bdata"} <= part.keys() <= {"dtype", "bdata", "shape"}:
            return _array(part)
        return {key: _drawn(part[key]) for key in sorted(part)}
    return [_drawn(each) for each in part] if isinstance(part, list | tuple) else part


def _array(part: dict[str, Any]) -> Any:
    import numpy

    found = numpy.frombuffer(base64.b64decode(part["bdata"]), numpy.dtype(part["dtype"]))
    shape = str(part.get("shape", "")).replace(",", " ").split()
    return found.reshape([int(each) for each in shape]) if shape else found
