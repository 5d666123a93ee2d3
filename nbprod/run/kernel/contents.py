"""What containers hold, past the methods of classes derived from them.

A notebook's own ``__iter__`` may count how often it is called, or change what it goes through.
"""

from __future__ import annotations

import types
from collections import OrderedDict, deque
from typing import Any

_SEQUENCES = (list, tuple, deque, set, frozenset)


def items(value: Any) -> Any:
    """Return what a list, tuple, deque or set holds, or an object of a class derived from it."""
    kind = next(each for each in _SEQUENCES if isinstance(value, each))
    return value if type(value) is kind is not deque else list(kind.__iter__(value))


def keys(value: Any) -> list[Any]:
    """Return the keys of a dict or mapping proxy, in their order."""
    plain, kind = _plain(value)
    return list(kind.keys(plain))


def values(value: Any) -> list[Any]:
    """Return the values of a dict or mapping proxy, in their order."""
    plain, kind = _plain(value)
    return list(kind.values(plain))


def _plain(value: Any) -> tuple[Any, Any]:
    plain = dict(value) if isinstance(value, types.MappingProxyType) else value
    return plain, OrderedDict if isinstance(value, OrderedDict) else dict
