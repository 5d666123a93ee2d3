"""Many numbers and texts as bytes, at the speed of C, without a trace in them.

Pickle has each text that is not ASCII keep its UTF-8 form for good, as a literal does: the text
has grown then, and ``memory_usage(deep=True)`` says so. Marshal does not do that. Its second
format has no references between objects: equal content gives equal bytes, whatever is shared.
"""

from __future__ import annotations

import marshal
import pickle
import sys
from collections.abc import Sequence
from typing import Any

KINDS = frozenset({type(None), bool, int, float, complex, str, bytes})
_FORMAT = 2  # Python 2.5 to today


def are_all(values: Sequence[Any]) -> bool:
    """Tell whether all values are of the plain kinds, of no class derived from one."""
    return set(map(type, values)) <= KINDS


def dumps(values: list[Any] | tuple[list[Any], ...]) -> bytes:
    """Return lists of such values as bytes."""
    return marshal.dumps(values, _FORMAT)


def loads(data: Any) -> Any:
    """Return what :func:`dumps` was given; the bytes must be our own."""
    return marshal.loads(data)  # noqa: S302


def has_grown(text: str) -> bool:
    """Tell whether a text that is not ASCII keeps its UTF-8 form."""
    return sys.getsizeof(text) > sys.getsizeof(f"{text} "[:-1])


def grow(texts: list[str]) -> None:
    """Let texts keep their UTF-8 form."""
    pickle.dumps(texts, 5)
