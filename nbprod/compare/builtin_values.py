"""Numbers, texts and containers of Python's own."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import pathlib
import random
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from nbprod.compare.walk import Walk, versus, words

_EXACT = (
    type(None),
    bool,
    int,
    str,
    bytes,
    bytearray,
    memoryview,
    range,
    slice,
    type(Ellipsis),
    type(NotImplemented),
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    fractions.Fraction,
    uuid.UUID,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)


def is_plain(value: Any) -> bool:
    """Tell whether ``value`` has no parts: a number, a text, a date and the like."""
    kind = type(value)
    if kind in {float, complex, decimal.Decimal} or kind in _EXACT:
        return True
    return isinstance(value, datetime.datetime | datetime.tzinfo) and _is_builtin(kind)


def _is_builtin(kind: type) -> bool:
    return kind.__module__ in {"datetime", "zoneinfo"}


def plain_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare two plain values of one type."""
    if isinstance(one, float):
        return "" if walk.floats(one, other) else versus(one, other)
    if isinstance(one, complex):
        same = walk.floats(one.real, other.real) and walk.floats(one.imag, other.imag)
        return "" if same else versus(one, other)
    if isinstance(one, decimal.Decimal):
        same = one == other or (one.is_nan() and other.is_nan())
        return "" if same else versus(one, other)
    if isinstance(one, str) and one != other and "\n" in one:
        return _text_difference(one, other)
    if isinstance(one, datetime.tzinfo):
        return "" if str(one) == str(other) else versus(one, other)
    return "" if one == other else versus(one, other)


def _text_difference(one: str, other: str) -> str:
    ours, theirs = one.splitlines(), other.splitlines()
    for number, (line, wanted) in enumerate(zip(ours, theirs, strict=False), start=1):
        if line != wanted:
            return f"line {number}\0{versus(line, wanted)}"
    return f"{len(ours)} lines vs {len(theirs)} lines"


def is_container(value: Any) -> bool:
    """Tell whether ``value`` is a list, tuple, dict, set or the like, or a subclass."""
    return isinstance(value, list | tuple | deque | dict | set | frozenset | random.Random) or (
        isinstance(value, Mapping) and type(value).__module__ in {"collections", "types"}
    )


def container_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare two containers of one type, element by element, and what a subclass adds."""
    if isinstance(one, random.SystemRandom):
        found = ""  # it has no state
    elif isinstance(one, random.Random):
        found = walk.compare(one.getstate(), other.getstate(), "generator state")
    elif isinstance(one, Mapping):
        found = _mapping_difference(walk, one, other)
    elif isinstance(one, set | frozenset):
        found = _set_difference(walk, one, other)
    else:
        found = _sequence_difference(walk, one, other)
    own, theirs = getattr(one, "__dict__", None), getattr(other, "__dict__", None)
    if found or (not own and not theirs):
        return found
    return walk.compare(dict(own or {}), dict(theirs or {}), "attributes") and walk.compare(
        _carried(one), _carried(other), "attributes"
    )


def _carried(value: Any) -> dict[str, Any]:
    """Return the attributes that pickling carries: one of two values came from an artifact.

    scikit-learn's Bunch, for one, leaves its attributes behind.
    """
    if not hasattr(type(value), "__setstate__"):
        return dict(vars(value))
    return dict(vars(copy.copy(value)))


def _sequence_difference(walk: Walk, one: Any, other: Any) -> str:
    if len(one) != len(other):
        return f"{len(one)} items vs {len(other)} items"
    if _quickly_equal(one, other):
        return ""
    for number, (item, wanted) in enumerate(zip(one, other, strict=True)):
        found = walk.compare(item, wanted, f"item {number}")
        if found:
            return found
    return ""


def _quickly_equal(one: Any, other: Any) -> bool:
    """Compare long sequences of whole numbers and texts at C speed."""
    if len(one) < 1000:
        return False
    kinds = {int, str, bool, type(None)}
    types = list(map(type, one))
    return set(types) <= kinds and types == list(map(type, other)) and bool(one == other)


def _mapping_difference(walk: Walk, one: Any, other: Any) -> str:
    missing = [key for key in other if key not in one]
    extra = [key for key in one if key not in other]
    wanted: dict[Any, Any] = {}
    if len(missing) == len(extra) and _same_elements(walk, extra, missing):
        wanted = dict(zip(_by_text(extra), _by_text(missing), strict=True))
    elif missing:
        return f"key {words(missing[0])} is missing"
    elif extra:
        return f"key {words(extra[0])} is new"
    factory = getattr(one, "default_factory", None), getattr(other, "default_factory", None)
    found = walk.compare(*factory, "default factory")
    if found:
        return found
    for key in one:
        found = walk.compare(one[key], other[wanted.get(key, key)], f"key {words(key)}")
        if found:
            return found
    if [wanted.get(key, key) for key in one] != list(other) and all(key == key for key in one):
        return "the keys are in another order"
    return ""


def _same_elements(walk: Walk, mine: list[Any], theirs: list[Any]) -> bool:
    """Tell whether keys equal one another by what they are, such as members of an enum.

    A class of the notebook's is another object after every loading, so that its
    instances are not found as keys.
    """
    return bool(mine) and not any(
        walk.compare(key, wanted)
        for key, wanted in zip(_by_text(mine), _by_text(theirs), strict=True)
    )


def _by_text(elements: Iterable[Any]) -> list[Any]:
    return sorted(elements, key=repr)


def _set_difference(walk: Walk, one: Any, other: Any) -> str:
    if one == other:
        return ""
    if len(one) == len(other) and _same_elements(walk, list(one - other), list(other - one)):
        return ""
    if len(one) == len(other) and sorted(map(repr, one)) == sorted(map(repr, other)):
        return ""  # NaN, which does not equal itself
    extra = sorted(map(repr, one - other))
    missing = sorted(map(repr, other - one))
    return f"element {extra[0]} is new" if extra else f"element {missing[0]} is missing"
