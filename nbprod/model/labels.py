"""What a model answers, as JSON: labels keep their type, nothing is NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Label = bool | int | float | str | None


def plain(value: object) -> Label:
    """Turn one value of a prediction into JSON; not finite becomes ``None``."""
    item = getattr(value, "item", None)
    if item is not None and not isinstance(value, str):
        value = item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return str(value)


def predictions_as_json(predictions: Any) -> list[Any]:  # noqa: ANN401 - whatever predict returns
    """Turn what ``predict`` returned into JSON: one value, or a list of them, for each row."""
    values = getattr(predictions, "values", predictions)
    rows = values.tolist() if hasattr(values, "tolist") else list(values)
    return [
        [plain(cell) for cell in row] if isinstance(row, list | tuple) else plain(row)
        for row in rows
    ]


def probabilities_as_json(classes: Sequence[object], table: Any) -> list[dict[str, Label]]:  # noqa: ANN401
    """Turn what ``predict_proba`` returned into one object of class and probability per row.

    Args:
        classes: Labels in the order of the columns.
        table: Array of shape (rows, classes).
    """
    keys = [class_key(plain(label)) for label in classes]
    values = getattr(table, "values", table)
    return [dict(zip(keys, (plain(cell) for cell in row), strict=True)) for row in values.tolist()]


def class_key(label: Label) -> str:
    """Give the JSON key of a class: text as it is, else its JSON text (``true``, ``1``)."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return label if isinstance(label, str) else repr(label)
