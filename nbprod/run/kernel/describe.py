"""What a model was fitted on, as plain JSON: contract, profile and sample rows.

Runs inside the user's kernel at ``fit``. It imports nothing from nbprod and only
the standard library at module level; pandas and numpy are used where the kernel
has them. Nothing here changes what it is handed. Data that cannot be served is
not an error: ``contract["unsupported"]`` says why in one sentence.
"""

# Values of any type are this module's business, and a kernel may be older than ours.
# ruff: noqa: B905

from __future__ import annotations

import datetime
import math
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1
_TEXT_BLOCK = 2000  # rows looked at before giving up on a column of free text
MAX_BINS = 64  # bins or categories kept for each column of a profile
MAX_EXACT = 50_000  # rows that quantiles and histograms are computed from
MAX_COVERED = 200  # distinct values of a text column that sample rows must cover
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


class _Unsupported(Exception):
    """The data cannot be sent as JSON rows; the message says why."""


@dataclass
class _Column:
    """One column, taken apart: ``values`` and ``missing`` have a cell for each row."""

    name: str
    kind: str
    dtype: str
    values: Any  # numpy array or list; whatever stands where missing is True is ignored
    missing: Any  # numpy bool array
    label: int | None = None  # the column's own name where that is a whole number
    categories: list[Any] | None = None
    ordered: bool = False
    absent: str = "nan"  # what a missing value is in the frame: nan, none or na
    codes: Any = None  # category codes where there are categories
    zone: Any = None  # time zone; values are UTC then
    optional: bool = False  # of records: the key may be left out

    def plain(self, values: Any) -> list[Any]:
        """Turn cells of this column, none of them missing, into JSON values."""
        if self.codes is not None and self.categories is not None:
            return [self.categories[code] for code in _listed(values)]
        if self.kind == "datetime":
            import pandas

            stamps = pandas.DatetimeIndex(values)
            if self.zone is not None:
                stamps = stamps.tz_localize("UTC").tz_convert(self.zone)
            return [stamp.isoformat() for stamp in stamps]
        return [_plain(value) for value in _listed(values)]


@dataclass
class _Table:
    """Rows and columns of whatever ``fit`` received."""

    input: str
    container: str
    columns: list[_Column] = field(default_factory=list)
    n_rows: int = 0


# --------------------------------------------------------------------------- public


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
        columns = _table(X).columns
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
        table = _table(X)
        contract["input"], contract["container"] = table.input, table.container
        contract["columns"] = [_column_contract(column) for column in table.columns]
        profile["rows"] = table.n_rows
        profile["columns"] = [_column_profile(column) for column in table.columns]
    except _Unsupported as error:
        contract["unsupported"] = str(error)
    except Exception as error:
        contract["unsupported"] = (
            f"the data that fit received could not be described: {type(error).__name__}: {error}"
        )
    profile["target"] = _target_profile(y, target)
    return {"contract": contract, "profile": profile}


def describe_target(y: Any, estimator: Any = None) -> dict[str, Any]:
    """Describe what a model predicts.

    Args:
        y: The target, or ``None``.
        estimator: The estimator; where it has ``classes_``, those are the classes.

    Returns:
        ``{"task", "classes", "outputs", "unsupported"}``; classes keep their JSON
        type (an integer label stays an integer, a boolean a boolean).
    """
    outputs = _outputs(y)
    task, classes, unsupported = "other", None, ""
    found = _classes_of(estimator)
    if outputs > 1:
        task = (
            "classification"
            if found is not None or _says(estimator, "classifier")
            else ("regression" if y is not None else "other")
        )
        found = None
    elif found is not None or _says(estimator, "classifier"):
        task = "classification"
        if found is None:
            found = _distinct(y)
    elif y is not None and (_says(estimator, "regressor") or _is_number_like(y)):
        task = "regression"
    elif y is not None and not _says(estimator, "clusterer") and not _says(estimator, "outlier"):
        task, found = "classification", _distinct(y)
    if found is not None and task == "classification":
        classes = [_plain(value) for value in found]
        if any(not isinstance(value, (bool, int, float, str)) for value in classes):
            unsupported = "the classes are neither text, numbers nor booleans"
            classes = None
    return {"task": task, "classes": classes, "outputs": outputs, "unsupported": unsupported}


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
        table = _table(take_rows(X, positions), strict=False)
    except _Unsupported:
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
    listed = _listed(getattr(predictions, "values", predictions))
    plain = [
        [_plain(cell) for cell in _listed(row)] if _is_sequence(row) else _plain(row)
        for row in listed
    ]
    if probabilities is None or classes is None or isinstance(probabilities, list):
        return {"predictions": plain, "probabilities": None, "classes": None}
    labels = [_plain(label) for label in _listed(classes)]
    keys = [class_key(label) for label in labels]
    table = [
        {key: _plain(cell) for key, cell in zip(keys, _listed(row))}
        for row in _listed(getattr(probabilities, "values", probabilities))
    ]
    return {"predictions": plain, "probabilities": table, "classes": labels}


def class_key(label: Any) -> str:
    """Give the JSON object key of a class: text as it is, else its JSON text (``true``, ``1``)."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return label if isinstance(label, str) else repr(label)


# ----------------------------------------------------------------- taking data apart


def _table(X: Any, strict: bool = True) -> _Table:
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and isinstance(X, pandas.DataFrame):
        return _Table("frame", "frame", _frame_columns(X, strict), len(X))
    if pandas is not None and isinstance(X, pandas.Series):
        column = _series_column(X, _label_name(X.name, "text"), strict)
        return _text_table(column, "series", len(X))
    if hasattr(X, "tocsr") and hasattr(X, "nnz"):
        raise _Unsupported(
            "fit received a sparse matrix, which has no columns that a client could send; "
            "fit a Pipeline that makes it from the raw data"
        )
    if numpy is not None and isinstance(X, numpy.ndarray):
        return _array_table(X, "ndarray", strict)
    if isinstance(X, (list, tuple)):
        return _list_table(X, strict)
    raise _Unsupported(
        f"fit received a {type(X).__module__}.{type(X).__qualname__}; a DataFrame, an array, "
        "or a list of texts, rows or dicts can be served"
    )


def _frame_columns(frame: Any, strict: bool) -> list[_Column]:
    labels = list(frame.columns)
    if len(set(labels)) != len(labels):
        twice = sorted({str(label) for label in labels if labels.count(label) > 1})
        raise _Unsupported(f"two columns have the same name: {', '.join(twice)}")
    if not labels:
        raise _Unsupported("the frame that fit received has no columns")
    names = [_label_name(label) for label in labels]
    if len(set(names)) != len(names):
        raise _Unsupported("a column named by a number and one named by its text look the same")
    return [
        _series_column(frame.iloc[:, index], name, strict, label)
        for index, (name, label) in enumerate(zip(names, labels))
    ]


def _label_name(label: Any, default: str = "") -> str:
    if isinstance(label, str):
        return label
    if label is None and default:
        return default
    if hasattr(label, "item"):
        label = label.item()
    if isinstance(label, int) and not isinstance(label, bool):
        return str(label)
    raise _Unsupported(
        f"the column name {label!r} is neither text nor a whole number; "
        "rename the columns before fit"
    )


def _series_column(series: Any, name: str, strict: bool, label: Any = None) -> _Column:
    import numpy
    import pandas

    dtype, types = series.dtype, pandas.api.types
    missing = series.isna().to_numpy(dtype=bool)
    number = None if label is None or isinstance(label, str) else int(label)
    column = _Column(name, "", str(dtype), None, missing, number)
    if isinstance(dtype, pandas.CategoricalDtype):
        column.kind, column.ordered = "category", bool(dtype.ordered)
        column.categories = [_plain(value) for value in dtype.categories.tolist()]
        if any(not isinstance(value, (bool, int, float, str)) for value in column.categories) or (
            types.is_datetime64_any_dtype(dtype.categories.dtype)
        ):
            raise _Unsupported(
                f"the categories of column {name!r} are {dtype.categories.dtype}, "
                "which JSON cannot carry; turn them into text"
            )
        column.codes = series.cat.codes.to_numpy()
        column.values = column.codes
        return column
    if hasattr(pandas, "ArrowDtype") and isinstance(dtype, pandas.ArrowDtype):
        raise _Unsupported(
            f"column {name!r} has the Arrow type {dtype}; use a pandas or numpy type"
        )
    if isinstance(dtype, pandas.SparseDtype):
        raise _Unsupported(f"column {name!r} is sparse ({dtype}); use .sparse.to_dense()")
    if types.is_bool_dtype(dtype):
        column.kind = "boolean"
    elif types.is_integer_dtype(dtype):
        column.kind = "integer"
    elif types.is_float_dtype(dtype):
        column.kind = "number"
    elif types.is_datetime64_any_dtype(dtype):
        column.kind, column.zone = "datetime", getattr(dtype, "tz", None)
        column.values = (
            series.dt.tz_convert("UTC").dt.tz_localize(None) if column.zone else series
        ).to_numpy()
        return column
    elif isinstance(dtype, pandas.StringDtype):
        column.kind, column.values = "string", series.to_numpy(dtype=object)
        column.absent = "nan" if column.dtype == "str" else "na"
        return column
    elif dtype.kind == "O":
        return _object_column(column, series.to_numpy(dtype=object), strict)
    else:
        raise _Unsupported(f"column {name!r} has the type {dtype}, which JSON cannot carry")
    if isinstance(dtype, numpy.dtype):
        column.values = series.to_numpy()
    else:  # nullable extension types: Int64, Float32, boolean
        column.absent = "na"
        filled = series.fillna(False if column.kind == "boolean" else 0)
        column.values = filled.to_numpy(dtype=getattr(dtype, "numpy_dtype", object))
    return column


def _object_column(column: _Column, values: Any, strict: bool) -> _Column:
    """Find the one kind of value that a column of Python objects holds."""
    column.values = values
    gone = column.missing.tolist()
    kinds = {type(value) for value, missing in zip(values.tolist(), gone) if not missing}
    absent = {type(value).__name__ for value, missing in zip(values.tolist(), gone) if missing}
    column.absent = {"NoneType": "none", "NAType": "na"}.get(
        next(iter(absent)) if len(absent) == 1 else "", "nan"
    )
    kind = _kind_of_objects(kinds)
    if kind is None and strict:
        shown = ", ".join(sorted(found.__name__ for found in kinds))
        raise _Unsupported(
            f"column {column.name!r} holds values of the types {shown}; "
            "convert it to one of text, number or boolean before fit"
        )
    column.kind = kind or "string"
    return column


def _kind_of_objects(kinds: set[type]) -> str | None:
    numpy = sys.modules.get("numpy")
    bools: tuple[type, ...] = (bool,)
    integers: tuple[type, ...] = (int,)
    floats: tuple[type, ...] = (float,)
    if numpy is not None:
        bools += (numpy.bool_,)
        integers += (numpy.integer,)
        floats += (numpy.floating,)
    if all(issubclass(kind, str) for kind in kinds):
        return "string"  # a column without any value counts as text
    if all(issubclass(kind, bools) for kind in kinds):
        return "boolean"
    if any(issubclass(kind, bools) for kind in kinds):
        return None
    if all(issubclass(kind, integers) for kind in kinds):
        return "integer"
    if all(issubclass(kind, integers + floats) for kind in kinds):
        return "number"
    return None


def _array_table(array: Any, container: str, strict: bool) -> _Table:
    import numpy

    if array.dtype.names is not None:
        raise _Unsupported("fit received a structured array; use a DataFrame")
    if array.ndim == 1:
        column = _array_column(array, "text", strict)
        return _text_table(column, container, len(array))
    if array.ndim != 2:
        raise _Unsupported(
            f"fit received an array of {array.ndim} dimensions; rows of columns can be served"
        )
    if array.shape[1] == 0:
        raise _Unsupported("the array that fit received has no columns")
    columns = [
        _array_column(numpy.asarray(array[:, index]), f"x{index}", strict)
        for index in range(array.shape[1])
    ]
    return _Table("array", container, columns, array.shape[0])


def _array_column(values: Any, name: str, strict: bool) -> _Column:
    import numpy

    kinds = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string"}
    kind = kinds.get(values.dtype.kind)
    missing = numpy.zeros(len(values), dtype=bool)
    column = _Column(name, kind or "", str(values.dtype), values, missing)
    if kind == "number":
        column.missing = numpy.isnan(values)
    elif kind == "string":
        column.dtype = "str"
    elif values.dtype.kind == "O":
        column.missing = numpy.fromiter((_is_missing(v) for v in values), bool, len(values))
        return _object_column(column, values, strict)
    elif values.dtype.kind == "M":
        raise _Unsupported("fit received an array of dates; use a DataFrame for them")
    elif kind is None:
        raise _Unsupported(f"fit received an array of {values.dtype}, which JSON cannot carry")
    return column


def _list_table(rows: Any, strict: bool) -> _Table:
    import numpy

    if not rows:
        raise _Unsupported("fit received no rows")
    if all(isinstance(row, str) for row in rows):
        values = numpy.empty(len(rows), dtype=object)
        values[:] = rows
        column = _Column("text", "string", "object", values, numpy.zeros(len(rows), dtype=bool))
        return _text_table(column, "list", len(rows))
    if all(isinstance(row, dict) for row in rows):
        return _Table("records", "list", _record_columns(rows, strict), len(rows))
    try:
        array = numpy.asarray(rows)
    except ValueError as error:
        raise _Unsupported("the rows that fit received are of different lengths") from error
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _array_table(array, "list", strict)
    raise _Unsupported(
        "fit received a list of neither texts, dicts nor rows of numbers; use a DataFrame"
    )


def _record_columns(rows: Any, strict: bool) -> list[_Column]:
    import numpy

    names = list(dict.fromkeys(key for row in rows for key in row))
    if not names or any(not isinstance(name, str) for name in names):
        raise _Unsupported("the keys of the dicts that fit received are not all text")
    columns = []
    for name in names:
        values = numpy.empty(len(rows), dtype=object)
        for index, row in enumerate(rows):
            values[index] = row.get(name)
        missing = numpy.fromiter((_is_missing(value) for value in values), bool, len(values))
        column = _Column(name, "", "object", values, missing, optional=True)
        columns.append(_object_column(column, values, strict))
    return columns


def _text_table(column: _Column, container: str, count: int) -> _Table:
    if column.kind != "string":
        raise _Unsupported(
            f"fit received a single column of kind {column.kind}; "
            "only text can be served without a table around it"
        )
    return _Table("text", container, [column], count)


# --------------------------------------------------------------- contract and profile


def _column_contract(column: _Column) -> dict[str, Any]:
    minimum = maximum = None
    if column.kind in ("integer", "number", "datetime"):
        present = column.values[~column.missing]
        if column.kind == "number":
            present = _finite(present)
        if len(present):
            minimum, maximum = column.plain(_pair(present.min(), present.max(), present.dtype))
    return {
        "name": column.name,
        "label": column.label,
        "kind": column.kind,
        "dtype": column.dtype,
        "nullable": bool(column.missing.any()),
        "absent": column.absent,
        "categories": column.categories or _few_texts(column),
        "ordered": column.ordered,
        "minimum": minimum,
        "maximum": maximum,
        "example": _example(column),
    }


def _few_texts(column: _Column) -> list[str] | None:
    """List the texts of a column that has few: what was seen, not all that may come."""
    if column.kind != "string":
        return None
    seen: set[str] = set()
    for start in range(0, len(column.values), _TEXT_BLOCK):
        block = slice(start, start + _TEXT_BLOCK)
        present = column.values[block][~column.missing[block]]
        seen.update(str(value) for value in present)
        if len(seen) > MAX_BINS:
            return None
    return sorted(seen) or None


def _example(column: _Column) -> Any:
    """Give a typical value: the median of numbers and dates, the most common of others."""
    present = _sampled(column.values, column.missing)
    if not len(present):
        return None
    if column.kind in ("integer", "number", "datetime"):
        if column.kind == "number":
            present = _finite(present)
        import numpy

        ordered = numpy.sort(present)
        middle = ordered[len(ordered) // 2 :][:1]
        return (column.plain(middle) or [None])[0]
    [(common, _)] = Counter(_listed(present)).most_common(1)
    return column.plain([common])[0]


def _column_profile(column: _Column) -> dict[str, Any]:
    missing = int(column.missing.sum())
    profile: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "count": len(column.missing) - missing,
        "missing": missing,
    }
    if column.kind in ("integer", "number"):
        profile.update(_numbers_profile(column.values, column.missing))
    elif column.kind == "datetime":
        present = column.values[~column.missing].astype("datetime64[us]").astype(float) / 1e6
        profile.update(_numbers_profile(*_as_numbers(present)))
        profile["unit"] = "seconds since 1970-01-01"
    else:
        profile.update(_counts_profile(column.values, column.missing, column.plain))
        if column.kind == "string":
            lengths = [len(value) for value in _sampled(column.values, column.missing)]
            profile["length"] = _numbers_profile(*_as_numbers(lengths))
    return profile


def _numbers_profile(values: Any, missing: Any) -> dict[str, Any]:
    import numpy

    present = _finite(numpy.asarray(values[~missing], dtype=float))
    if not len(present):
        return {"mean": None, "std": None, "quantiles": {}, "histogram": None}
    some = present[:: max(1, len(present) // MAX_EXACT)]
    cuts = numpy.quantile(some, _QUANTILES)
    cuts[0], cuts[-1] = present.min(), present.max()
    spread = float(cuts[-1]) - float(cuts[0])
    histogram = None
    if math.isfinite(spread):
        bins = min(MAX_BINS, max(1, len(set(some[:1000].tolist()))), max(1, len(some)))
        counts, edges = _histogram(some, cuts[0], cuts[-1], bins)
        histogram = {"edges": edges, "counts": counts}
    return {
        "mean": _plain(present.mean()),
        "std": _plain(present.std()),
        "quantiles": {str(q): _plain(cut) for q, cut in zip(_QUANTILES, cuts)},
        "histogram": histogram,
    }


def _histogram(values: Any, low: Any, high: Any, bins: int) -> tuple[list[int], list[Any]]:
    import numpy

    try:
        counts, edges = numpy.histogram(values, bins=bins, range=(low, high))
    except ValueError:  # a range too narrow for so many bins
        counts, edges = numpy.array([len(values)]), numpy.array([low, high])
    return [int(count) for count in counts], [_plain(edge) for edge in edges]


def _counts_profile(values: Any, missing: Any, plain: Any = None) -> dict[str, Any]:
    counts = Counter(_listed(values[~missing]))
    top = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[: MAX_BINS - 1]
    labels = (plain or (lambda found: [_plain(value) for value in found]))([v for v, _ in top])
    return {
        "distinct": len(counts),
        "values": [
            {"value": _shortened(label), "count": count} for label, (_, count) in zip(labels, top)
        ],
        "other": sum(counts.values()) - sum(count for _, count in top),
    }


def _shortened(value: Any) -> Any:
    # Free text is raw data: what identifies a row does not belong into a profile.
    return value[:40] + "…" if isinstance(value, str) and len(value) > 41 else value


def _target_profile(y: Any, target: dict[str, Any]) -> dict[str, Any] | None:
    if y is None or target["outputs"] != 1:
        return None
    try:
        values, missing = _target_values(y)
        if target["task"] == "classification":
            return {"task": "classification", **_counts_profile(values, missing)}
        return {"task": target["task"], **_numbers_profile(values, missing)}
    except Exception:
        return None


# -------------------------------------------------------------------------- the target


def _target_values(y: Any) -> tuple[Any, Any]:
    import numpy

    if hasattr(y, "isna"):
        flat = y.iloc[:, 0] if getattr(y, "ndim", 1) == 2 else y
        values = flat.to_numpy(dtype=object) if str(flat.dtype) == "category" else flat.to_numpy()
        return values, flat.isna().to_numpy(dtype=bool)
    values = numpy.asarray(y)
    values = values[:, 0] if values.ndim == 2 else values
    if values.dtype.kind == "f":
        return values, numpy.isnan(values)
    return values, numpy.zeros(len(values), dtype=bool)


def _outputs(y: Any) -> int:
    shape = getattr(y, "shape", None)
    if shape is not None:
        return int(shape[1]) if len(shape) == 2 else 1
    if isinstance(y, (list, tuple)) and y and isinstance(y[0], (list, tuple)):
        return len(y[0])
    return 1


def _classes_of(estimator: Any) -> list[Any] | None:
    try:
        classes = estimator.classes_
    except Exception:
        return None
    if isinstance(classes, list) and classes and hasattr(classes[0], "tolist"):
        return []  # several outputs: classes of each
    return _listed(classes) if hasattr(classes, "__len__") else None


def _says(estimator: Any, what: str) -> bool:
    """Ask scikit-learn's tags (or their older form) what an estimator is."""
    if estimator is None:
        return False
    try:
        kind = estimator.__sklearn_tags__().estimator_type
    except Exception:
        kind = getattr(estimator, "_estimator_type", None)
    return isinstance(kind, str) and kind.startswith(what)


def _is_number_like(y: Any) -> bool:
    try:
        values, missing = _target_values(y)
        return values.dtype.kind == "f" and not bool(missing.all())
    except Exception:
        return False


def _distinct(y: Any) -> list[Any] | None:
    try:
        values, missing = _target_values(y)
        found = list(dict.fromkeys(_listed(values[~missing])))
    except Exception:
        return None
    try:
        return sorted(found)
    except TypeError:
        return found


# -------------------------------------------------------------------- choosing of rows


def _length(X: Any) -> int:
    shape = getattr(X, "shape", None)
    return int(shape[0]) if shape else len(X)


def _class_positions(y: Any, count: int) -> list[int]:
    if y is None:
        return []
    try:
        values, _ = _target_values(y)
        if len(values) != count or values.dtype.kind == "f":
            return []
        first = _first_positions(_listed(values))
        return list(first.values())[:MAX_COVERED]
    except Exception:
        return []


def _missing_positions(column: _Column) -> list[int]:
    if not column.missing.any():
        return []
    return [int(column.missing.argmax()), int((~column.missing).argmax())]


def _extreme_positions(column: _Column) -> list[int]:
    import numpy

    if column.kind not in ("integer", "number") or column.missing.all():
        return []
    if column.values.dtype.kind == "O":
        return []
    if column.kind == "number":
        return [int(numpy.nanargmin(column.values)), int(numpy.nanargmax(column.values))]
    return [int(column.values.argmin()), int(column.values.argmax())]


def _category_positions(column: _Column) -> list[int]:
    if column.kind not in ("category", "string", "boolean"):
        return []
    values = column.codes if column.codes is not None else column.values
    first = _first_positions(_listed(values))
    return sorted(first.values()) if len(first) <= MAX_COVERED else []


def _first_positions(values: list[Any]) -> dict[Any, int]:
    # The last writer wins in dict(): fed backwards, that is the first position.
    backwards = range(len(values) - 1, -1, -1)
    return dict(sorted(dict(zip(reversed(values), backwards)).items(), key=lambda item: item[1]))


# -------------------------------------------------------------------------- plain values


def _plain(value: Any) -> Any:
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
    if _is_missing(value):
        return None
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1


def _listed(values: Any) -> list[Any]:
    return list(values.tolist()) if hasattr(values, "tolist") else list(values)


def _finite(values: Any) -> Any:
    import numpy

    numbers = numpy.asarray(values, dtype=float)
    return numbers[numpy.isfinite(numbers)]


def _sampled(values: Any, missing: Any) -> Any:
    present = values[~missing]
    return present[:: max(1, len(present) // MAX_EXACT)]


def _pair(low: Any, high: Any, dtype: Any) -> Any:
    import numpy

    return numpy.array([low, high], dtype=dtype)


def _as_numbers(values: Any) -> tuple[Any, Any]:
    import numpy

    return numpy.asarray(values, dtype=float), numpy.zeros(len(values), dtype=bool)
