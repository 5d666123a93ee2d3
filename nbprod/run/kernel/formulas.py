"""Models by formula: they look names up again while they are loaded.

``smf.ols("y ~ scaled(x)", data)`` of statsmodels keeps the formula as text and evaluates it anew
where it is unpickled, so the functions and numbers that it names have to be there before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import attributes, contents

_LIBRARIES = ("statsmodels.", "linearmodels.", "patsy.", "formulaic.")
_MOST = 1_000
"""Parts of a variable that are looked at."""


def looked_up(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that models by formula may name; none where there is no such model."""
    late = {name for name, value in variables.items() if _holds_model(value)}
    return {name: value for name, value in variables.items() if name not in late} if late else {}


def _holds_model(value: Any) -> bool:
    waiting, met = [value], set[int]()
    while waiting and len(met) < _MOST:
        each = waiting.pop()
        if id(each) in met:
            continue
        met.add(id(each))
        kind = type(each)
        if kind.__module__.startswith(_LIBRARIES):
            return True
        if isinstance(each, dict):
            waiting += contents.values(each)
        elif isinstance(each, (list, tuple, set, frozenset)):
            waiting += contents.items(each)
        elif kind.__module__ == "__main__":
            waiting += attributes.attributes(each).values()
    return False
