"""Numbers, texts and containers of Python's own."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import pathlib
import random
import types
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from nbprod.compare.attributes import own_dict
from nbprod.compare.walk import Walk, versus, within, words

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
_SCALARS = {int, str, bool, type(None)}


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
        return "" if str(one) == str(other) else versus(one, other)  # 1.0 prints unlike 1.00
    if isinstance(one, str) and one != other and "\n" in one:
        return _text_difference(one, other)
    if isinstance(one, datetime.tzinfo):
        return "" if str(one) == str(other) else versus(one, other)
    if isinstance(one, datetime.datetime | datetime.time):
        zones = [(type(each.tzinfo), str(each.tzinfo), each.fold) for each in (one, other)]
        if zones[0] != zones[1]:
            return versus(one, other)
    return "" if one == other else versus(one, other)


def _text_difference(one: str, other: str) -> str:
    ours, theirs = one.splitlines(), other.splitlines()
    for number, (line, wanted) in enumerate(zip(ours, theirs, strict=False), start=1):
        if line != wanted:
            return f"line {number}\0{versus(line, wanted)}"
    return f"{len(ours)} lines vs {len(theirs)} lines"


def is_container(value: Any) -> bool:
    """Tell whether ``value`` is a list, tuple, dict, set or the like, or a subclass."""
    return (
        isinstance(value, list | tuple | deque | dict | set | frozenset | random.Random)
        or (isinstance(value, Mapping) and type(value).__module__ in {"collections", "types"})
        or isinstance(value, types.MappingProxyType)
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
    own, theirs = own_dict(one), own_dict(other)
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


def _plain(value: Any) -> Any:
    """Return what a list or dict holds, past the methods of a class derived from it."""
    if isinstance(value, OrderedDict):
        return value if type(value) is OrderedDict else OrderedDict(OrderedDict.items(value))
    if isinstance(value, dict):
        return value if type(value) is dict else dict(dict.items(value))
    if isinstance(value, list):
        return value if type(value) is list else list(list.__iter__(value))
    return value


def _sequence_difference(walk: Walk, one: Any, other: Any) -> str:
    one, other = _plain(one), _plain(other)
    if len(one) != len(other):
        return f"{len(one)} items vs {len(other)} items"
    if isinstance(one, deque) and one.maxlen != other.maxlen:
        return f"maxlen {one.maxlen} vs {other.maxlen}"
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
    kinds = list(map(type, one))
    return set(kinds) <= _SCALARS and kinds == list(map(type, other)) and bool(one == other)


def _mapping_difference(walk: Walk, one: Any, other: Any) -> str:
    made = [each.default_factory for each in (one, other) if isinstance(each, defaultdict)]
    one, other = _plain(one), _plain(other)
    mine, theirs = list(one), list(other)
    found = (walk.compare(made[0], made[1], "default factory") if made else "") or _keys_difference(
        walk, one, other
    )
    if found:
        return found
    for key, wanted in zip(mine, theirs, strict=True):
        found = walk.compare(one[key], other[wanted], f"key {words(key)}")
        if found:
            return found
    return ""


def _keys_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare keys by what they are, in their order.

    Instances of a class of the notebook's, which is another one after every loading, are
    not found as keys; ``1`` and ``True`` are, in place of one another.
    """
    mine, theirs = list(one), list(other)
    if len(mine) == len(theirs):
        if _quickly_equal(mine, theirs):
            return ""
        pairs = zip(mine, theirs, strict=True)
        first = next(((a, b, found) for a, b in pairs if (found := walk.compare(a, b))), None)
        if first is None:
            return ""
        if first[0] == first[1]:
            return within(f"key {words(first[0])}", first[2])
    missing = [key for key in theirs if key not in one]
    extra = [key for key in mine if key not in other]
    if missing:
        return f"key {words(missing[0])} is missing"
    return f"key {words(extra[0])} is new" if extra else "the keys are in another order"


def _same_elements(walk: Walk, mine: Iterable[Any], theirs: Iterable[Any]) -> bool:
    """Tell whether elements equal one another by what they are, such as members of an enum."""
    return not any(
        walk.compare(element, wanted)
        for element, wanted in zip(_by_text(mine), _by_text(theirs), strict=True)
    )


def _by_text(elements: Iterable[Any]) -> list[Any]:
    return sorted(elements, key=repr)


def _set_difference(walk: Walk, one: Any, other: Any) -> str:
    kinds = {type(each) for each in one} | {type(each) for each in other}
    if one == other and (len(kinds) < 2 and kinds <= _SCALARS):
        return ""
    if len(one) == len(other) and _same_elements(walk, one, other):
        return ""
    extra = sorted(map(repr, one - other)) or sorted({*map(repr, one)} - {*map(repr, other)})
    missing = sorted(map(repr, other - one)) or sorted({*map(repr, other)} - {*map(repr, one)})
    if extra:
        return f"element {extra[0]} is new"
    return f"element {missing[0]} is missing" if missing else "its elements are others"
