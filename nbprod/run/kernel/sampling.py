"""Which rows stand for all that a model was fitted on."""

# Values of any type are this module's business, and a kernel may be older than ours.
# ruff: noqa: B905

from __future__ import annotations

from typing import Any

from .columns import Column, table_of
from .plain import as_list
from .target import target_values

MAX_COVERED = 200  # distinct values of a text column that sample rows must cover


def choose_rows(X: Any, y: Any = None, limit: int = 1000) -> list[int]:
    """Choose sample rows: every class, every category, missing values, the extremes.

    Args:
        X: What ``fit`` received.
        y: Its target, if any.
        limit: How many rows at most.

    Returns:
        Positions in ascending order, the same each time for the same data. Classes
        come first if not all fit, then missing values, extremes and categories;
        the rest are evenly spaced.
    """
    count = _length(X)
    if count <= limit:
        return list(range(count))
    wanted: dict[int, None] = {}
    for position in _class_positions(y, count):
        wanted.setdefault(position)
    try:
        columns = table_of(X).columns
    except Exception:
        columns = []
    for finder in (_missing_positions, _extreme_positions, _category_positions):
        for column in columns:
            for position in finder(column):
                wanted.setdefault(position)
    chosen = dict.fromkeys(list(wanted)[:limit])
    step = max(1, count // limit)
    for offset in range(step):
        for position in range(offset, count, step):
            if len(chosen) >= limit:
                return sorted(chosen)
            chosen.setdefault(position)
    return sorted(chosen)


def _length(X: Any) -> int:
    shape = getattr(X, "shape", None)
    return int(shape[0]) if shape else len(X)


def _class_positions(y: Any, count: int) -> list[int]:
    if y is None:
        return []
    try:
        values, _ = target_values(y)
        if len(values) != count or values.dtype.kind == "f":
            return []
        first = _first_positions(as_list(values))
        return list(first.values())[:MAX_COVERED]
    except Exception:
        return []


def _missing_positions(column: Column) -> list[int]:
    if not column.missing.any():
        return []
    return [int(column.missing.argmax()), int((~column.missing).argmax())]


def _extreme_positions(column: Column) -> list[int]:
    import numpy

    if column.kind not in ("integer", "number") or column.missing.all():
        return []
    if column.values.dtype.kind == "O":
        return []
    if column.kind == "number":
        return [int(numpy.nanargmin(column.values)), int(numpy.nanargmax(column.values))]
    return [int(column.values.argmin()), int(column.values.argmax())]


def _category_positions(column: Column) -> list[int]:
    if column.kind not in ("category", "string", "boolean"):
        return []
    values = column.codes if column.codes is not None else column.values
    first = _first_positions(as_list(values))
    return sorted(first.values()) if len(first) <= MAX_COVERED else []


def _first_positions(values: list[Any]) -> dict[Any, int]:
    # The last writer wins in dict(): fed backwards, that is the first position.
    backwards = range(len(values) - 1, -1, -1)
    return dict(sorted(dict(zip(reversed(values), backwards)).items(), key=lambda item: item[1]))
