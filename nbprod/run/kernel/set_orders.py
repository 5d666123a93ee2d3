"""The order of sets, which has to be the same in the kernel that comes next.

It follows from the hashes of the elements, the size of the table and what was in it
before. A run's kernels share the seed of the hashes of texts; pickle inserts a set's
elements one by one, so that the table may have another size. Such a set is made again
in a table as large as its own; what still comes in another order is reported.
"""

from __future__ import annotations

import os
import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from . import attributes, contents, set_tables

VARIABLE = "PYTHONHASHSEED"
_PLAIN = frozenset({bool, int, float, complex, str, bytes})
_SETS = (set, frozenset)
_MOST = 200_000
"""Objects that are looked at one by one in search of sets."""


def hide_seed(seed: str) -> None:
    """Take the run's seed out of the environment, where the notebook would find it."""
    if seed and os.environ.get(VARIABLE) == seed:
        del os.environ[VARIABLE]


class Orders:
    """Notes, while values are pickled, the sets that pickle would give another order."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, tuple[Any, ...] | None]] = {}

    def reference(self, value: Any) -> tuple[Any, ...] | None:
        """Return what a pickler's ``persistent_id`` returns for a set, ``None`` to let it be."""
        known = self._known.get(id(value))
        if known is None:
            plain = all(map(_is_plain, value))
            known = (value, self._described(value) if plain else None)
            self._known[id(value)] = known  # kept, so that no id is used again
            return known[1]
        return known[1] and known[1][:2]

    def _described(self, value: Any) -> tuple[Any, ...] | None:
        order, places = list(value), set_tables.size(value)
        if _is_as(type(value)(order), order, places):
            return None
        elements = set_tables.insertion(value) or order
        return "set", len(self._known), type(value).__name__, order, elements, places


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def _is_as(value: Any, order: list[Any], places: int) -> bool:
    return set_tables.size(value) == places and all(map(_same, contents.items(value), order))


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


def made(kind: str, order: list[Any], elements: list[Any], places: int) -> Any:
    """Return a set of these elements in this order, as far as that is possible."""
    if kind == "frozenset":
        return set_tables.frozen(order, elements, places)
    found: set[Any] = set()
    set_tables.fill(found, elements, places)
    return found


def find(variables: Mapping[str, Any]) -> list[tuple[str, Any, list[Any], list[Any], int]]:
    """Return the sets that a notebook's variables hold, with their orders.

    Objects of libraries are not looked into.

    Returns:
        The variable's name, the set, its elements in its order and in the one in which they
        are put in, the size of its table.
    """
    found = []
    for name, each in _sets(variables):
        order = list(contents.items(each))
        if len(order) > 1:
            places = set_tables.size(each)
            as_they_are = type(each) is set and _is_as(set(order), order, places)
            elements = None if as_they_are else set_tables.insertion(each)
            found.append((name, each, order, elements or order, places))
    return found


def _sets(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    met: set[int] = set()
    waiting = [(name, value) for name, value in variables.items()]
    kept: list[Any] = []
    while waiting and len(met) < _MOST:
        name, value = waiting.pop()
        if type(value) in _PLAIN or value is None or id(value) in met:
            continue
        met.add(id(value))
        kept.append(value)  # so that no id is used again
        if isinstance(value, _SETS):
            yield name, value
        waiting.extend((name, inner) for inner in _inside(value))


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, deque, *_SETS)):
        held = contents.items(value)
        if not set(map(type, held)) <= _PLAIN:
            yield from held
    elif isinstance(value, (dict, types.MappingProxyType)):
        yield from contents.keys(value)
        yield from contents.values(value)
    elif isinstance(value, types.FunctionType):
        if value.__module__ == "__main__":
            yield from (cell.cell_contents for cell in value.__closure__ or () if _is_full(cell))
            yield value.__defaults__
            yield vars(value)
    elif isinstance(value, types.MethodType):
        yield value.__self__
    elif isinstance(value, type):
        if value.__module__ == "__main__":
            yield from vars(value).values()
    elif type(value).__module__ == "__main__":
        yield attributes.own_dict(value)


def _is_full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def other(found: list[tuple[str, Any, list[Any], list[Any], int]]) -> list[str]:
    """Mend the order of sets that were loaded; return the variables where it stays another."""
    names: dict[str, None] = {}
    for name, value, order, elements, places in found:
        if type(value) is set and not _is_as(value, order, places):
            set_tables.fill(value, elements, places)
        if not _is_as(value, order, set_tables.size(value)):
            names[name] = None
    return list(names)
