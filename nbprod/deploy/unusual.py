"""What sets a differing row apart from those that agree: a first hint at the cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

_RARE = 0.02


def what_is_unusual(
    rows: Sequence[Mapping[str, object]], place: int, differing: Collection[int]
) -> str:
    """Describe a differing row in plain words.

    Args:
        rows: All rows that were sent.
        place: Position of the row, counted from 0.
        differing: Positions of all rows that differ.

    Returns:
        Such as ``'age' is missing, as in all 12 differing rows and no other``; may be empty.
    """
    row = rows[place]
    told = [text for column in row if (text := _about(rows, column, place, differing))]
    return "; ".join(told[:3])


def _about(
    rows: Sequence[Mapping[str, object]], column: str, place: int, differing: Collection[int]
) -> str:
    value = rows[place].get(column)
    values = [row.get(column) for row in rows]
    if value is None:
        return _missing(values, column, differing)
    if isinstance(value, bool) or len(rows) < 10:
        return ""
    if isinstance(value, str):
        count = Counter(one for one in values if isinstance(one, str))[value]
        rare = count <= max(1, _RARE * len(rows)) and len(set(map(str, values))) <= len(rows) / 2
        return f"'{column}' is '{value}', which only {count} of {len(rows)} rows have" * rare
    if isinstance(value, int | float):
        numbers = [one for one in values if isinstance(one, int | float)]
        if value in (min(numbers), max(numbers)) and numbers.count(value) == 1:
            end = "largest" if value == max(numbers) else "smallest"
            return f"'{column}' is {value}, the {end} of all"
    return ""


def _missing(values: Sequence[object], column: str, differing: Collection[int]) -> str:
    missing = {place for place, value in enumerate(values) if value is None}
    if missing == set(differing) and len(missing) > 1:
        return f"'{column}' is missing, as in all {len(missing)} differing rows and in no other"
    return f"'{column}' is missing"
