"""Contract and profile of a column: what values it had, in few numbers."""

# Values of any type are this module's business, and a kernel may be older than ours.
# ruff: noqa: B905

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from .columns import Column
from .plain import MAX_EXACT, as_list, as_numbers, finite, json_value, sampled

MAX_BINS = 64  # bins or categories kept for each column of a profile
_TEXT_BLOCK = 2000  # rows looked at before giving up on a column of free text
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


def column_contract(column: Column) -> dict[str, Any]:
    """Describe what requests have to look like in one column."""
    minimum = maximum = None
    if column.kind in ("integer", "number", "datetime"):
        present = column.values[~column.missing]
        if column.kind == "number":
            present = finite(present)
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


def _few_texts(column: Column) -> list[str] | None:
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


def _example(column: Column) -> Any:
    """Give a typical value: the median of numbers and dates, the most common of others."""
    present = sampled(column.values, column.missing)
    if not len(present):
        return None
    if column.kind in ("integer", "number", "datetime"):
        if column.kind == "number":
            present = finite(present)
        import numpy

        ordered = numpy.sort(present)
        middle = ordered[len(ordered) // 2 :][:1]
        return (column.plain(middle) or [None])[0]
    [(common, _)] = Counter(as_list(present)).most_common(1)
    return column.plain([common])[0]


def column_profile(column: Column) -> dict[str, Any]:
    """Describe the values that one column had."""
    missing = int(column.missing.sum())
    profile: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "count": len(column.missing) - missing,
        "missing": missing,
    }
    if column.kind in ("integer", "number"):
        profile.update(numbers_profile(column.values, column.missing))
    elif column.kind == "datetime":
        present = column.values[~column.missing].astype("datetime64[us]").astype(float) / 1e6
        profile.update(numbers_profile(*as_numbers(present)))
        profile["unit"] = "seconds since 1970-01-01"
    else:
        profile.update(counts_profile(column.values, column.missing, column.plain))
        if column.kind == "string":
            lengths = [len(value) for value in sampled(column.values, column.missing)]
            profile["length"] = numbers_profile(*as_numbers(lengths))
    return profile


def numbers_profile(values: Any, missing: Any) -> dict[str, Any]:
    """Describe numbers: mean, spread, quantiles and a histogram of the finite ones."""
    import numpy

    present = finite(numpy.asarray(values[~missing], dtype=float))
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
        "mean": json_value(present.mean()),
        "std": json_value(present.std()),
        "quantiles": {str(q): json_value(cut) for q, cut in zip(_QUANTILES, cuts)},
        "histogram": histogram,
    }


def _histogram(values: Any, low: Any, high: Any, bins: int) -> tuple[list[int], list[Any]]:
    import numpy

    try:
        counts, edges = numpy.histogram(values, bins=bins, range=(low, high))
    except ValueError:  # a range too narrow for so many bins
        counts, edges = numpy.array([len(values)]), numpy.array([low, high])
    return [int(count) for count in counts], [json_value(edge) for edge in edges]


def counts_profile(values: Any, missing: Any, plain: Any = None) -> dict[str, Any]:
    """Count distinct values: the most common ones, and how many others.

    Args:
        values: All cells.
        missing: Mask of those that are missing.
        plain: Turns a list of cells into JSON values.
    """
    counts = Counter(as_list(values[~missing]))
    top = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[: MAX_BINS - 1]
    labels = (plain or (lambda found: [json_value(value) for value in found]))([v for v, _ in top])
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


def _pair(low: Any, high: Any, dtype: Any) -> Any:
    import numpy

    return numpy.array([low, high], dtype=dtype)
