"""What a model was fitted on, as plain JSON: contract, profile and sample rows.

Runs inside the user's kernel at ``fit``. It imports nothing from nbprod and only
the standard library at module level; pandas and numpy are used where the kernel
has them. Nothing here changes what it is handed. Data that cannot be served is
not an error: ``contract["unsupported"]`` says why in one sentence.
"""

# Values of any type are this module's business, and a kernel may be older than ours.
# ruff: noqa: B905

from __future__ import annotations

from typing import Any

from .columns import UnsupportedDataError, table_of
from .plain import as_list, is_sequence, json_value
from .profiles import column_contract, column_profile
from .target import describe_target, target_profile

SCHEMA_VERSION = 1


def describe_frame(X: Any, y: Any = None, estimator: Any = None) -> dict[str, Any]:
    """Describe what a model was fitted on.

    Args:
        X: DataFrame, Series of text, 1-d or 2-d array, or list of texts, rows or dicts.
        y: Target: Series, array, list or DataFrame (several outputs).
        estimator: The estimator, fitted or about to be.

    Returns:
        ``{"contract": ..., "profile": ...}`` of plain JSON types.
    """
    target = describe_target(y, estimator)
    contract: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "task": target["task"],
        "input": "frame",
        "container": "frame",
        "columns": [],
        "classes": target["classes"],
        "outputs": target["outputs"],
        "unsupported": target["unsupported"],
    }
    profile: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "rows": 0, "columns": []}
    try:
        table = table_of(X)
        contract["input"], contract["container"] = table.input, table.container
        contract["columns"] = [column_contract(column) for column in table.columns]
        profile["rows"] = table.n_rows
        profile["columns"] = [column_profile(column) for column in table.columns]
    except UnsupportedDataError as error:
        contract["unsupported"] = str(error)
    except Exception as error:
        contract["unsupported"] = (
            f"the data that fit received could not be described: {type(error).__name__}: {error}"
        )
    profile["target"] = target_profile(y, target)
    return {"contract": contract, "profile": profile}


def take_rows(X: Any, positions: list[int]) -> Any:
    """Copy the rows at ``positions``; the result has the type of ``X``."""
    if hasattr(X, "iloc"):
        return X.iloc[list(positions)].copy()
    if hasattr(X, "shape"):
        return X[list(positions)]
    rows = [X[position] for position in positions]
    rows = [dict(row) if isinstance(row, dict) else row for row in rows]
    return tuple(rows) if isinstance(X, tuple) else rows


def rows_as_json(X: Any, positions: list[int]) -> list[dict[str, Any]]:
    """Give rows as a client would send them: column to JSON value, missing as ``None``.

    Args:
        X: What ``fit`` received.
        positions: Which rows.

    Returns:
        One dict for each position; datetimes are ISO 8601 text. Keys that a row of
        dicts does not have are left out. Empty if the data is unsupported.
    """
    try:
        # The dtypes of all rows, not of the chosen: one object column of a few rows
        # could look like another kind.
        table = table_of(take_rows(X, positions), strict=False)
    except UnsupportedDataError:
        return []
    cells = []
    for column in table.columns:
        present = iter(column.plain(column.values[~column.missing]))
        cells.append([None if gone else next(present) for gone in column.missing.tolist()])
    names = [column.name for column in table.columns]
    optional = [column.optional for column in table.columns]
    return [
        {
            name: row[index]
            for index, name in enumerate(names)
            if not (optional[index] and row[index] is None)
        }
        for row in zip(*cells)
    ]


def outputs_as_json(
    predictions: Any, probabilities: Any = None, classes: Any = None
) -> dict[str, Any]:
    """Give what a model answered, as the service will: the shape of ``expected.json``.

    Args:
        predictions: What ``predict`` returned.
        probabilities: What ``predict_proba`` returned: (rows, classes); ``None`` or
            a list of arrays (several outputs) gives ``None``.
        classes: ``classes_`` of the estimator, in the order of the columns.

    Returns:
        ``{"predictions", "probabilities", "classes"}`` of plain JSON types; the
        keys of probabilities are :func:`class_key` of the labels.
    """
    listed = as_list(getattr(predictions, "values", predictions))
    plain = [
        [json_value(cell) for cell in as_list(row)] if is_sequence(row) else json_value(row)
        for row in listed
    ]
    if probabilities is None or classes is None or isinstance(probabilities, list):
        return {"predictions": plain, "probabilities": None, "classes": None}
    labels = [json_value(label) for label in as_list(classes)]
    keys = [class_key(label) for label in labels]
    table = [
        {key: json_value(cell) for key, cell in zip(keys, as_list(row))}
        for row in as_list(getattr(probabilities, "values", probabilities))
    ]
    return {"predictions": plain, "probabilities": table, "classes": labels}


def class_key(label: Any) -> str:
    """Give the JSON object key of a class: text as it is, else its JSON text (``true``, ``1``)."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return label if isinstance(label, str) else repr(label)
