"""Lists and dicts whose size in memory tells how they grew, for notebooks that ask for it.

``sys.getsizeof(values)`` is another one after saving and loading: a list that was appended to
has room to spare, a dict keeps the room that it once needed.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Mapping
from typing import Any

from . import contents

ASKS = re.compile(r"\b(getsizeof|__sizeof__|asizeof|flatsize|deep_getsizeof)\b")
"""Names of what tells sizes in memory."""

_MOST = 10_000
"""Containers of a variable that are looked at; one with more has a size of its own."""

_asked = False


def note_code(asks: bool) -> None:
    """Take in whether the notebook's code asks for sizes in memory."""
    global _asked
    _asked = asks


def unkept(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of which some part would have another size after loading."""
    if not _asked:
        return {}
    return {
        name: "its size in memory, which the notebook asks for, tells how it grew"
        for name, value in variables.items()
        if not _comes_back(value)
    }


def _comes_back(value: Any) -> bool:
    """Tell whether all lists and dicts in a value have the size that loading gives them."""
    waiting, met = [value], set()
    while waiting:
        each = waiting.pop()
        if not isinstance(each, (list, tuple, dict, set, frozenset)) or id(each) in met:
            continue
        met.add(id(each))
        if len(met) > _MOST:
            return False
        if isinstance(each, dict):
            held = contents.keys(each)
            waiting += contents.values(each)
        else:
            held = list(contents.items(each))
        waiting += held
        if type(each) in {list, dict} and sys.getsizeof(each) != _size_of_loaded(each, held):
            return False
    return True


def _size_of_loaded(value: Any, held: list[Any]) -> int:
    if type(value) is list:
        alike: Any = [None] * len(held)
    else:
        # A dict whose keys are all texts has a smaller table.
        alike = dict.fromkeys(held if all(type(key) is str for key in held) else range(len(held)))
    return sys.getsizeof(pickle.loads(pickle.dumps(alike, 5)))
