"""Constants and classes that the cells change.

The generated package defines them once, and behind steps from the cache they are made
anew. Both are right only as long as nothing changes them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

_SCALARS = (type(None), bool, int, float, complex, str, bytes, type(...))
_DATA = (*_SCALARS, list, tuple, dict, set, frozenset)


class Remade:
    """What constants and classes were when they were looked at last.

    Args:
        literals: Constant to the literal that the notebook gives it.
        classes: Names of classes, whose attributes count as far as they are plain data.
    """

    def __init__(self, literals: Mapping[str, str], classes: list[str]) -> None:
        self._texts = {name: _text(ast.literal_eval(text)) for name, text in literals.items()}
        self._names = (*literals, *classes)

    def look(self, variables: Mapping[str, Any]) -> list[str]:
        """Return the names of those that are not what they were when this was asked last.

        Before that, a constant was its literal; a class was whatever it is now.
        """
        changed = []
        for name in self._names:
            if name in variables:
                now = _text(variables[name])
                if self._texts.setdefault(name, now) != now:
                    self._texts[name] = now
                    changed.append(name)
        return changed


def _text(value: Any) -> str:
    if isinstance(value, type):
        value = {
            name: member
            for name, member in vars(value).items()
            if type(member) in _DATA and not (name.startswith("__") and name.endswith("__"))
        }
    try:
        return _of_data(value)
    except Exception:  # too deep, a number of too many digits, a thread that changes it
        return f"unknown {id(value)}"


def _of_data(value: Any) -> str:
    """Return text that is another after each change of plain data, whoever shares its parts."""
    kind = type(value)
    if kind in _SCALARS:
        return repr(value)
    if kind in (list, tuple):
        parts = [_of_data(each) for each in value]
    elif kind in (set, frozenset):
        parts = sorted(_of_data(each) for each in value)
    elif kind is dict:
        parts = [f"{_of_data(key)}: {_of_data(each)}" for key, each in value.items()]
    else:
        return f"{kind.__qualname__} {id(value)}"
    return f"{kind.__name__}({', '.join(parts)})"
