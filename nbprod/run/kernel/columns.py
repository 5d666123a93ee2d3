"""What ``fit`` received, taken apart into columns."""

# Values of any type are this module's business, and a kernel may be older than ours.
# ruff: noqa: B905

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from .plain import as_list, is_missing, json_value

_TEXT_BLOCK = 2000  # rows looked at before giving up on a column of free text


class UnsupportedDataError(Exception):
    """The data cannot be sent as JSON rows; the message says why."""


@dataclass
class Column:
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
            return [self.categories[code] for code in as_list(values)]
        if self.kind == "datetime":
            import pandas

            stamps = pandas.DatetimeIndex(values)
            if self.zone is not None:
                stamps = stamps.tz_localize("UTC").tz_convert(self.zone)
            return [stamp.isoformat() for stamp in stamps]
        return [json_value(value) for value in as_list(values)]


@dataclass
class Table:
    """Rows and columns of whatever ``fit`` received."""

    input: str
    container: str
    columns: list[Column] = field(default_factory=list)
    n_rows: int = 0


def table_of(X: Any, strict: bool = True) -> Table:
    """Take apart what ``fit`` received.

    Args:
        X: A frame, a series of text, an array, or a list of texts, rows or dicts.
        strict: Refuse columns of mixed types; else take them as they are.

    Raises:
        UnsupportedDataError: It cannot be sent as JSON rows.
    """
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and isinstance(X, pandas.DataFrame):
        return Table("frame", "frame", _frame_columns(X, strict), len(X))
    if pandas is not None and isinstance(X, pandas.Series):
        column = _series_column(X, _label_name(X.name, "text"), strict)
        return _text_table(column, "series", len(X))
    if hasattr(X, "tocsr") and hasattr(X, "nnz"):
        raise UnsupportedDataError(
            "fit received a sparse matrix, which has no columns that a client could send; "
            "fit a Pipeline that makes it from the raw data"
        )
    if numpy is not None and isinstance(X, numpy.ndarray):
        return _array_table(X, "ndarray", strict)
    if isinstance(X, (list, tuple)):
        return _list_table(X, strict)
    raise UnsupportedDataError(
        f"fit received a {type(X).__module__}.{type(X).__qualname__}; a DataFrame, an array, "
        "or a list of texts, rows or dicts can be served"
    )


def _frame_columns(frame: Any, strict: bool) -> list[Column]:
    labels = list(frame.columns)
    if len(set(labels)) != len(labels):
        twice = sorted({str(label) for label in labels if labels.count(label) > 1})
        raise UnsupportedDataError(f"two columns have the same name: {', '.join(twice)}")
    if not labels:
        raise UnsupportedDataError("the frame that fit received has no columns")
    names = [_label_name(label) for label in labels]
    if len(set(names)) != len(names):
        raise UnsupportedDataError(
            "a column named by a number and one named by its text look the same"
        )
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
    raise UnsupportedDataError(
        f"the column name {label!r} is neither text nor a whole number; "
        "rename the columns before fit"
    )


def _series_column(series: Any, name: str, strict: bool, label: Any = None) -> Column:
    import numpy
    import pandas

    dtype, types = series.dtype, pandas.api.types
    missing = series.isna().to_numpy(dtype=bool)
    number = None if label is None or isinstance(label, str) else int(label)
    column = Column(name, "", str(dtype), None, missing, number)
    if isinstance(dtype, pandas.CategoricalDtype):
        column.kind, column.ordered = "category", bool(dtype.ordered)
        column.categories = [json_value(value) for value in dtype.categories.tolist()]
        if any(not isinstance(value, (bool, int, float, str)) for value in column.categories) or (
            types.is_datetime64_any_dtype(dtype.categories.dtype)
        ):
            raise UnsupportedDataError(
                f"the categories of column {name!r} are {dtype.categories.dtype}, "
                "which JSON cannot carry; turn them into text"
            )
        column.codes = series.cat.codes.to_numpy()
        column.values = column.codes
        return column
    if hasattr(pandas, "ArrowDtype") and isinstance(dtype, pandas.ArrowDtype):
        raise UnsupportedDataError(
            f"column {name!r} has the Arrow type {dtype}; use a pandas or numpy type"
        )
    if isinstance(dtype, pandas.SparseDtype):
        raise UnsupportedDataError(f"column {name!r} is sparse ({dtype}); use .sparse.to_dense()")
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
        raise UnsupportedDataError(f"column {name!r} has the type {dtype}, which JSON cannot carry")
    if isinstance(dtype, numpy.dtype):
        column.values = series.to_numpy()
    else:  # nullable extension types: Int64, Float32, boolean
        column.absent = "na"
        filled = series.fillna(False if column.kind == "boolean" else 0)
        column.values = filled.to_numpy(dtype=getattr(dtype, "numpy_dtype", object))
    return column


def _object_column(column: Column, values: Any, strict: bool) -> Column:
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
        raise UnsupportedDataError(
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


def _array_table(array: Any, container: str, strict: bool) -> Table:
    import numpy

    if array.dtype.names is not None:
        raise UnsupportedDataError("fit received a structured array; use a DataFrame")
    if array.ndim == 1:
        column = _array_column(array, "text", strict)
        return _text_table(column, container, len(array))
    if array.ndim != 2:
        raise UnsupportedDataError(
            f"fit received an array of {array.ndim} dimensions; rows of columns can be served"
        )
    if array.shape[1] == 0:
        raise UnsupportedDataError("the array that fit received has no columns")
    columns = [
        _array_column(numpy.asarray(array[:, index]), f"x{index}", strict)
        for index in range(array.shape[1])
    ]
    return Table("array", container, columns, array.shape[0])


def _array_column(values: Any, name: str, strict: bool) -> Column:
    import numpy

    kinds = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string"}
    kind = kinds.get(values.dtype.kind)
    missing = numpy.zeros(len(values), dtype=bool)
    column = Column(name, kind or "", str(values.dtype), values, missing)
    if kind == "number":
        column.missing = numpy.isnan(values)
    elif kind == "string":
        column.dtype = "str"
    elif values.dtype.kind == "O":
        column.missing = numpy.fromiter((is_missing(v) for v in values), bool, len(values))
        return _object_column(column, values, strict)
    elif values.dtype.kind == "M":
        raise UnsupportedDataError("fit received an array of dates; use a DataFrame for them")
    elif kind is None:
        raise UnsupportedDataError(
            f"fit received an array of {values.dtype}, which JSON cannot carry"
        )
    return column


def _list_table(rows: Any, strict: bool) -> Table:
    import numpy

    if not rows:
        raise UnsupportedDataError("fit received no rows")
    if all(isinstance(row, str) for row in rows):
        values = numpy.empty(len(rows), dtype=object)
        values[:] = rows
        column = Column("text", "string", "object", values, numpy.zeros(len(rows), dtype=bool))
        return _text_table(column, "list", len(rows))
    if all(isinstance(row, dict) for row in rows):
        return Table("records", "list", _record_columns(rows, strict), len(rows))
    try:
        array = numpy.asarray(rows)
    except ValueError as error:
        raise UnsupportedDataError("the rows that fit received are of different lengths") from error
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _array_table(array, "list", strict)
    raise UnsupportedDataError(
        "fit received a list of neither texts, dicts nor rows of numbers; use a DataFrame"
    )


def _record_columns(rows: Any, strict: bool) -> list[Column]:
    import numpy

    names = list(dict.fromkeys(key for row in rows for key in row))
    if not names or any(not isinstance(name, str) for name in names):
        raise UnsupportedDataError("the keys of the dicts that fit received are not all text")
    columns = []
    for name in names:
        values = numpy.empty(len(rows), dtype=object)
        for index, row in enumerate(rows):
            values[index] = row.get(name)
        missing = numpy.fromiter((is_missing(value) for value in values), bool, len(values))
        column = Column(name, "", "object", values, missing, optional=True)
        columns.append(_object_column(column, values, strict))
    return columns


def _text_table(column: Column, container: str, count: int) -> Table:
    if column.kind != "string":
        raise UnsupportedDataError(
            f"fit received a single column of kind {column.kind}; "
            "only text can be served without a table around it"
        )
    return Table("text", container, [column], count)
