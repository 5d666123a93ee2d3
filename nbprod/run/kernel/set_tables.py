"""The hash table of a set: in what order its elements go in to come out in a given one.

Where an element lies follows from its hash and from what lay in its way when it was put
in. So what lay in its way goes in before it. CPython does not tell where they lie; it is
read from memory, as the C structure of a set has it, if that is what it looks like.
"""

from __future__ import annotations

import ctypes
import random
import sys
from typing import Any

_LINEAR, _SHIFT = 9, 5  # as in CPython's setobject.c
_WORD = 2 * sys.maxsize + 2


class _Place(ctypes.Structure):
    _fields_ = (("key", ctypes.c_void_p), ("hash", ctypes.c_ssize_t))


class _Set(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_ssize_t),
        ("kind", ctypes.c_void_p),
        ("fill", ctypes.c_ssize_t),
        ("used", ctypes.c_ssize_t),
        ("mask", ctypes.c_ssize_t),
        ("table", ctypes.c_void_p),
    )


class Gap:
    """Lies where an element was that is no longer in the set, and is removed, too.

    Args:
        place: The number of the place.
    """

    def __init__(self, place: int) -> None:
        self.place = place

    def __hash__(self) -> int:
        return self.place


def size(value: Any) -> int:
    """Return how many places the table of a set has."""
    return (sys.getsizeof(value) - sys.getsizeof(type(value)())) // 16 or 8


def insertion(value: Any) -> list[Any] | None:
    """Return a set's elements, and gaps, in an order in which they take their places.

    Returns:
        ``None`` if this Python keeps its sets in another way.
    """
    places = _places(value)
    return None if places is None else _ordered(places, size(value))


def _places(value: Any) -> dict[int, Any] | None:
    if sys.implementation.name != "cpython" or type(value) not in {set, frozenset}:
        return None
    found = _Set.from_address(id(value))
    places = size(value)
    known = (found.kind, found.used, found.mask)
    if known != (id(type(value)), len(value), places - 1) or not found.table:
        return None
    table = (_Place * places).from_address(found.table)
    by_id = {id(each): each for each in value}
    placed = {number: by_id[each.key] for number, each in enumerate(table) if each.key in by_id}
    return placed if list(map(id, placed.values())) == list(map(id, value)) else None


def _ordered(places: dict[int, Any], size: int) -> list[Any]:
    found: list[Any] = []
    done: set[int] = set()
    for start in places:
        waiting = [(start, False)]
        while waiting:
            place, is_ready = waiting.pop()
            if is_ready:
                found.append(places[place] if place in places else Gap(place))
                continue
            if place in done:
                continue
            done.add(place)
            waiting.append((place, True))
            if place in places:
                path = _path(hash(places[place]), place, size)
                waiting.extend((each, False) for each in path if each not in done)
    return found


def _path(hashed: int, place: int, size: int) -> list[int]:
    """Return the places that are tried before one."""
    found: list[int] = []
    mask = size - 1
    number, perturb = hashed & mask, hashed % _WORD
    while len(found) < 10 * size:
        for tried in range(number, number + (_LINEAR if number + _LINEAR <= mask else 0) + 1):
            if tried == place:
                return found
            found.append(tried)
        perturb >>= _SHIFT
        number = (number * 5 + 1 + perturb) & mask
    return []


def fill(value: set[Any], elements: list[Any], places: int) -> None:
    """Make a set in place: put elements and gaps into a table with so many places."""
    value.clear()
    first = elements[: max(places // 2 - 1, 4)]
    # A dict tells how much there is to come: the table gets its size at once. What fills it
    # up comes last and goes again, so that it pushes nothing aside.
    wanted = max(places // 4, 5) if places > 8 else 0
    fillers = [object() for _ in range(wanted - len(first))]
    value.update(dict.fromkeys([*first, *fillers]))
    for filler in fillers:  # one by one: difference_update would make the table smaller
        value.discard(filler)
    for each in elements[len(first) :]:
        value.add(each)
    for gap in [each for each in elements if type(each) is Gap]:
        value.discard(gap)


def frozen(order: list[Any], elements: list[Any], places: int) -> frozenset[Any]:
    """Return a frozen set in this order, if one is found."""
    draw = random.Random(0)  # noqa: S311 - no secret, and not the notebook's generator
    made: set[Any] = set()
    fill(made, elements, places)
    first = max(places // 2 - 1, 4)
    found = frozenset(made)
    for number in range(40):
        if size(found) == places and list(map(id, found)) == list(map(id, order)):
            break
        if number == 0:
            found = frozenset().union(dict.fromkeys(elements[:first]), elements[first:])
            elements = order
        else:
            found = frozenset(elements)
            elements = draw.sample(order, len(order))
    return found
