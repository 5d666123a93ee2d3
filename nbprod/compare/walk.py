"""A comparison in progress: tolerances, and the pairs of objects already met."""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Iterable
from typing import Any

from nbprod.compare.comparison import ARRAY_TOLERANCE, RELATIVE_TOLERANCE

_TWICE = "the object of an earlier place vs one of its own"
_COPIED = "an object of its own vs the object of an earlier place"
# Code is compared by what it does; the others are no objects of their own.
_FOUND_BY_NAME: Any = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
_FOUND_BY_NAME += (types.MethodType, property, staticmethod, classmethod, types.CodeType)
_FOUND_BY_NAME += (types.MappingProxyType, types.NoneType, types.EllipsisType)
_FOUND_BY_NAME += (type({}.keys()), type({}.values()), type({}.items()))


class NotComparableError(Exception):
    """Two values are of a kind that cannot be compared; the text says which."""


class Walk:
    """Walks two values side by side. Texts say the first difference; empty means equal.

    Args:
        difference: Compares any two values: ``difference(walk, one, other)``.
        relative: Tolerance for floats.
        array: Tolerance for floats in arrays, relative to the largest magnitude.
    """

    def __init__(
        self,
        difference: Callable[[Walk, Any, Any], str],
        relative: float = RELATIVE_TOLERANCE,
        array: float = ARRAY_TOLERANCE,
    ) -> None:
        self._difference = difference
        self.relative = relative
        self.array = array
        self.within_estimator = False
        # The objects themselves are kept, so that no id is used again meanwhile.
        self._met: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._partners: tuple[dict[int, tuple[Any, Any]], ...] = ({}, {})

    def compare(self, one: Any, other: Any, place: str = "") -> str:
        """Compare two values; ``place`` says where they stand in what holds them."""
        if one is other:
            return within(place, self.sharing(one, other))
        found = self._difference(self, one, other)
        return within(place, found)

    def met_before(self, one: Any, other: Any) -> bool:
        """Tell whether this pair is being compared or was; note it if not."""
        key = (id(one), id(other))
        if key in self._met:
            return True
        self._met[key] = (one, other)
        return False

    def sharing(self, one: Any, other: Any) -> str:
        """Compare which places hold one and the same object, of kinds that can be changed.

        ``[row, row]`` and ``[row, copy of row]`` become different lists at the next
        ``row.append(…)``.
        """
        kind: Any = type(one)
        if not _can_change(kind):
            return ""
        ours, theirs = self._partners
        pair = one, other
        if ours.setdefault(id(one), pair)[1] is not other:
            return _TWICE
        return "" if theirs.setdefault(id(other), pair)[0] is one else _COPIED

    def first(self, differences: Iterable[str]) -> str:
        """Return the first text that is not empty."""
        return next(filter(None, differences), "")

    def floats(self, one: float, other: float) -> bool:
        """Tell whether two floats are equal within the tolerance."""
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=self.relative)


@functools.cache
def _can_change(kind: Any) -> bool:
    """Tell whether it shows in later code that two places hold one object of a class.

    What is found in dicts by its value does not change.
    """
    by_value: Any = kind.__hash__ not in _BY_IDENTITY
    if by_value or issubclass(kind, _FOUND_BY_NAME):
        return False
    return not any(
        (base.__module__.partition(".")[0], base.__name__) in _MADE_WHEN_ASKED
        for base in kind.__mro__
    )


_BY_IDENTITY: Any = {None, object.__hash__}
# Immutable, or made anew whenever their owner is asked for them.
_MADE_WHEN_ASKED = {("pandas", "Index"), ("pandas", "ExtensionArray"), ("matplotlib", "Artist")}


def within(place: str, found: str) -> str:
    """Put the place of a difference before it: ``key 'a', item 3: 1 vs 2``."""
    if not place or not found:
        return found
    head, colon, tail = found.partition("\0")
    return f"{place}, {head}\0{tail}" if colon else f"{place}\0{found}"


def words(value: Any, limit: int = 60) -> str:
    """Return a short text for a value."""
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def versus(one: Any, other: Any) -> str:
    """Return ``one vs other`` as short texts."""
    return f"{words(one)} vs {words(other)}"
