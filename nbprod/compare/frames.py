"""pandas frames, series, indexes and scalars; pandas is loaded by their owner."""

from __future__ import annotations

import sys
from typing import Any

from nbprod.compare.arrays import equal_mask
from nbprod.compare.walk import Walk, versus, within, words


def is_pandas(value: Any) -> bool:
    """Tell whether ``value`` is a frame, series, index, array or scalar of pandas."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame | pandas.Series | pandas.Index):
        return True
    return _is_scalar(value) or isinstance(value, pandas.api.extensions.ExtensionArray)


def _is_scalar(value: Any) -> bool:
    pandas: Any = sys.modules["pandas"]
    kinds = (pandas.Timestamp, pandas.Timedelta, pandas.Period, pandas.Interval)
    return value is pandas.NaT or value is pandas.NA or isinstance(value, kinds)


def pandas_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare two objects of pandas of one type."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(one, pandas.DataFrame):
        return _frame_difference(walk, one, other)
    if isinstance(one, pandas.Series):
        return _series_difference(walk, one, other)
    if isinstance(one, pandas.Index):
        return index_difference(walk, one, other)
    if _is_scalar(one):
        return "" if one is other else _scalar_difference(walk, one, other)
    found = _dtype_difference(walk, one.dtype, other.dtype)
    return found or _values_difference(walk, one, other, "")


def _scalar_difference(walk: Walk, one: Any, other: Any) -> str:
    pandas: Any = sys.modules["pandas"]
    if isinstance(one, pandas.Interval):
        ends = (walk.compare(getattr(one, end), getattr(other, end)) for end in ("left", "right"))
        return "" if one.closed == other.closed and not any(ends) else versus(one, other)
    parts = ("unit", "tz", "fold")
    same = all(str(getattr(one, part, "")) == str(getattr(other, part, "")) for part in parts)
    return "" if same and bool(one == other) else versus(one, other)


def _dtype_difference(walk: Walk, one: Any, other: Any) -> str:
    if one != other:
        return f"dtype {one} vs {other}"
    if not hasattr(one, "categories"):
        return ""
    # Their order is that of a plot's bars and of dummy columns, also where none is greater.
    return walk.compare(one.categories, other.categories, "categories")


def _flags_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare what a frame or series has besides its data, and what a subclass of them adds."""
    names = [name for name in one._metadata if name not in {"name", "_name"}]
    allowed = one.flags.allows_duplicate_labels, other.flags.allows_duplicate_labels
    found = walk.compare(one.attrs, other.attrs, "attrs")
    found = found or walk.compare(*allowed, "flag allows_duplicate_labels")
    return found or walk.first(
        walk.compare(getattr(one, name, None), getattr(other, name, None), f"attribute {name}")
        for name in names
    )


def _frame_difference(walk: Walk, one: Any, other: Any) -> str:
    found = _columns_difference(walk, one, other)
    found = found or walk.compare(one.index, other.index, "index")
    if found:
        return found
    for position, name in enumerate(one.columns):
        place = f"column {name!r}"
        first, second = one.iloc[:, position], other.iloc[:, position]
        found = within(place, _dtype_difference(walk, first.dtype, second.dtype))
        found = found or _values_difference(walk, first.array, second.array, place, first.index)
        if found:
            return found
    return _flags_difference(walk, one, other)


def _columns_difference(walk: Walk, one: Any, other: Any) -> str:
    missing = [name for name in other.columns if name not in one.columns]
    extra = [name for name in one.columns if name not in other.columns]
    if missing:
        return f"column {missing[0]!r} is missing"
    if extra:
        return f"column {extra[0]!r} is new"
    if len(one.columns) == len(other.columns) and list(one.columns) != list(other.columns):
        return "the columns are in another order"
    return walk.compare(one.columns, other.columns, "columns")


def _series_difference(walk: Walk, one: Any, other: Any) -> str:
    return (
        _dtype_difference(walk, one.dtype, other.dtype)
        or walk.compare(one.name, other.name, "name")
        or walk.compare(one.index, other.index, "index")
        or _values_difference(walk, one.array, other.array, "", one.index)
        or _flags_difference(walk, one, other)
    )


def index_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare two indexes: names, length, dtype, values; not levels that no row uses."""
    pandas: Any = sys.modules["pandas"]
    if len(one) != len(other):
        return f"{len(one):,} rows vs {len(other):,} rows"
    found = walk.compare(list(one.names), list(other.names), "names")
    if found:
        return found
    if isinstance(one, pandas.MultiIndex):
        return walk.first(
            walk.compare(one.get_level_values(level), other.get_level_values(level), place)
            for level, place in ((n, f"level {n}") for n in range(one.nlevels))
        )
    found = _dtype_difference(walk, one.dtype, other.dtype)
    if found:
        return found
    frequency = getattr(one, "freq", None), getattr(other, "freq", None)
    if frequency[0] != frequency[1]:
        return f"frequency {versus(*frequency)}"
    return _values_difference(walk, one.array, other.array, "")


def _values_difference(walk: Walk, one: Any, other: Any, place: str, index: Any = None) -> str:
    """Compare two pandas arrays of one dtype; name the first row that differs."""
    numpy: Any = sys.modules["numpy"]
    if len(one) != len(other):
        return f"{len(one):,} rows vs {len(other):,} rows"
    absent, wanted = numpy.asarray(one.isna()), numpy.asarray(other.isna())
    same = absent == wanted
    both = same & ~absent
    if both.any():
        same[both] = _present_equal(walk, one[both], other[both])
    if str(one.dtype) == "object":  # which may hold None, NaN, NA and NaT
        for row in numpy.flatnonzero(absent & wanted):
            same[row] = not walk.compare(one[row], other[row])
    if same.all():
        return ""
    row = int(numpy.argmax(~same))
    label = "" if index is None or index[row] == row else f" (index {words(index[row], 30)})"
    count = int((~same).sum())
    more = f" ({count:,} of {same.size:,} rows differ)" if count > 1 else ""
    where = f"{place}, row {row}{label}" if place else f"row {row}{label}"
    return f"{where}\0{versus(_plain(one[row]), _plain(other[row]))}{more}"


def _present_equal(walk: Walk, one: Any, other: Any) -> Any:
    """Tell where two arrays without missing values are equal."""
    numpy: Any = sys.modules["numpy"]
    first, second = numpy.asarray(one), numpy.asarray(other)
    if first.dtype == second.dtype and not first.dtype.hasobject:
        return equal_mask(walk, first, second)
    texts = str(one.dtype) in {"str", "string"} or str(one.dtype).startswith(("string", "category"))
    if texts:
        return numpy.asarray(first == second, dtype=bool)
    pairs = zip(first, second, strict=True)
    return numpy.fromiter((not walk.compare(a, b) for a, b in pairs), bool, len(first))


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
