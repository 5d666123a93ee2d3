"""Check rows of JSON against a contract: every error, none of them an exception."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nbprod.model.contract import Column, Contract

_INTEGER_DTYPE = re.compile(r"(u?)int(\d+)", re.IGNORECASE)
_SHOWN = 80  # characters of a client's value that a message repeats
_UNITS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# Seconds around 1970 that 64 bits of a unit hold; Python's own dates end before "us" does.
_DATE_LIMIT = {"ns": 2**63 // 10**9 - 86_400}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing that is wrong with a request.

    Attributes:
        row: Index of the row, from 0; ``None`` for the request as a whole.
        column: Name of the column; ``None`` for the row as a whole.
        code: Stable kebab-case name of the rule.
        message: One sentence in plain words.
    """

    row: int | None
    column: str | None
    code: str
    message: str


Problem = tuple[str, str]  # code, message
Checker = Callable[[object], Problem | None]


def check_rows(contract: Contract, rows: object) -> tuple[RowError, ...]:
    """Check rows as a client sent them.

    Args:
        contract: What the model takes.
        rows: Any JSON value; right is a non-empty list of objects.

    Returns:
        Every error, in the order of rows and columns; empty if
        :func:`nbprod.model.frame.to_frame` can take the rows.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
        return (RowError(None, None, "not-a-list", "rows must be a list of objects"),)
    if not rows:
        return (RowError(None, None, "no-rows", "rows is empty: send at least one row"),)
    checkers = [(column.name, column, _checker(column)) for column in contract.columns]
    known = frozenset(column.name for column in contract.columns)
    errors: list[RowError] = []
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            message = f"a row must be an object of column and value, not {_kind_name(row)}"
            errors.append(RowError(index, None, "not-an-object", message))
            continue
        optional = contract.input == "records"
        errors.extend(_check_row(index, row, checkers, known, optional=optional))
    return tuple(errors)


def _check_row(
    index: int,
    row: Mapping[str, object],
    checkers: Sequence[tuple[str, Column, Checker]],
    known: frozenset[str],
    *,
    optional: bool,
) -> list[RowError]:
    errors = []
    for name, column, check in checkers:
        if name not in row:
            if not optional:
                message = f"column {name!r} is missing"
                if column.nullable:
                    message += "; send null for a missing value"
                errors.append(RowError(index, name, "missing-column", message))
            continue
        value = row[name]
        if value is None:
            if not (column.nullable or optional):
                message = f"column {name!r} must not be null: the model was fitted without gaps"
                errors.append(RowError(index, name, "null", message))
        elif found := check(value):
            errors.append(RowError(index, name, found[0], f"column {name!r} {found[1]}"))
    if len(row) > len(known) or not known.issuperset(row):
        errors.extend(
            RowError(index, name, "unknown-column", f"the model has no column {_shown(name)}")
            for name in row
            if name not in known
        )
    return errors


def _checker(column: Column) -> Checker:
    if column.kind == "integer":
        return _integer_checker(column.dtype)
    if column.kind == "number":
        return _number_checker(column.dtype)
    if column.kind == "boolean":
        return lambda value: None if isinstance(value, bool) else _wrong("true or false", value)
    if column.kind == "category":
        return _category_checker(column)
    if column.kind == "datetime":
        return _datetime_checker(column.dtype)
    return lambda value: None if isinstance(value, str) else _wrong("text", value)


def _integer_checker(dtype: str) -> Checker:
    low, high = -(2**63), 2**63 - 1
    if match := _INTEGER_DTYPE.fullmatch(dtype):
        bits = int(match[2])
        low, high = (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def check(value: object) -> Problem | None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return _wrong("a whole number", value)
        if not low <= value <= high:
            return "too-large", f"must be between {low} and {high}"
        return None

    return check


def _number_checker(dtype: str) -> Checker:
    limit = {"float16": 65504.0, "float32": 3.4028234663852886e38}.get(
        dtype.lower(), 1.7976931348623157e308
    )

    def check(value: object) -> Problem | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return _wrong("a number", value)
        if isinstance(value, float) and not math.isfinite(value):
            return "not-finite", "must be a finite number"
        if abs(value) > limit:
            return "too-large", f"must be between {-limit} and {limit}"
        return None

    return check


def _category_checker(column: Column) -> Checker:
    # 1, 1.0 and True are equal in Python, and not the same category in JSON.
    allowed = {_category_key(category) for category in column.categories or ()}
    shown = ", ".join(_shown(category) for category in (column.categories or ())[:20])
    if len(column.categories or ()) > 20:
        shown += ", …"

    def check(value: object) -> Problem | None:
        if not isinstance(value, bool | int | float | str):
            return _wrong("one of its categories", value)
        if _category_key(value) not in allowed:
            return "unknown-category", f"must be one of {shown}, not {_shown(value)}"
        return None

    return check


def _category_key(value: object) -> tuple[str, object]:
    if isinstance(value, bool):
        return "boolean", value
    return ("text" if isinstance(value, str) else "number"), value


def _datetime_checker(dtype: str) -> Checker:
    zoned = "," in dtype
    unit = dtype.partition("[")[2].partition(",")[0].rstrip("]")
    limit = _DATE_LIMIT.get(unit)

    def check(value: object) -> Problem | None:
        if not isinstance(value, str):
            return _wrong("a date and time as ISO 8601 text", value)
        moment = parse_datetime(value)
        if moment is None:
            return "not-a-datetime", f"must be ISO 8601, such as {_example(zoned)!r}"
        if (moment.tzinfo is not None) != zoned:
            needs = "must have a time zone" if zoned else "must not have a time zone"
            return "time-zone", f"{needs}, such as {_example(zoned)!r}"
        aware = moment if zoned else moment.replace(tzinfo=datetime.UTC)
        if limit is not None and abs((aware - _EPOCH).total_seconds()) > limit:
            return "too-large", "is a date that the model's type cannot hold (1677 to 2262)"
        return None

    return check


def parse_datetime(text: str) -> datetime.datetime | None:
    """Read ISO 8601 text; ``None`` if it is not. Digits below a microsecond are cut off."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def _example(zoned: bool) -> str:
    return "2024-05-17T09:30:00+00:00" if zoned else "2024-05-17T09:30:00"


def _wrong(wanted: str, value: object) -> Problem:
    return "wrong-type", f"must be {wanted}, not {_kind_name(value)} {_shown(value)}".rstrip()


def _kind_name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "the boolean" if isinstance(value, bool) else ""
    if isinstance(value, int | float):
        return "the number"
    if isinstance(value, str):
        return "the text"
    return "an object" if isinstance(value, Mapping) else "a list"


def _shown(value: object) -> str:
    if value is None or isinstance(value, list | dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**40:
        return "(too long to show)"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
