"""Cells of any table as plain JSON values."""

# Values of any type are this module's business, and a kernel may be older than ours.

from __future__ import annotations

import datetime
import math
from typing import Any

MAX_EXACT = 50_000  # rows that quantiles and histograms are computed from


def json_value(value: Any) -> Any:
    """Turn a cell into a JSON value; what is missing or not finite becomes ``None``."""
    if hasattr(value, "item") and not isinstance(value, (str, datetime.datetime)):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if is_missing(value):
        return None
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value


def is_missing(value: Any) -> bool:
    """Whether a cell is ``None``, NaN, NaT or NA."""
    if value is None:
        return True
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def is_sequence(value: Any) -> bool:
    """Whether an answer has several values for each row."""
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1


def as_list(values: Any) -> list[Any]:
    """Return an array or series as a list of Python values."""
    return list(values.tolist()) if hasattr(values, "tolist") else list(values)


def finite(values: Any) -> Any:
    """Return the finite ones of some numbers as floats."""
    import numpy

    numbers = numpy.asarray(values, dtype=float)
    return numbers[numpy.isfinite(numbers)]


def sampled(values: Any, missing: Any) -> Any:
    """Return evenly spaced cells that are not missing, about ``MAX_EXACT`` at most."""
    present = values[~missing]
    return present[:: max(1, len(present) // MAX_EXACT)]


def as_numbers(values: Any) -> tuple[Any, Any]:
    """Return numbers as floats, with a mask that says none is missing."""
    import numpy

    return numpy.asarray(values, dtype=float), numpy.zeros(len(values), dtype=bool)
