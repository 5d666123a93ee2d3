"""Where an object keeps its state, as far as its class tells.

``nbprod/compare/attributes.py`` says the same for comparisons: this package is loaded by
path in kernels where nbprod is not installed. A test holds the two to one another.
"""

from __future__ import annotations

from typing import Any

_POINTER = object.__basicsize__ // 2


def slots(kind: type) -> tuple[str, ...]:
    """Return the attributes that ``__slots__`` of a class and of those above it make."""
    found: list[str] = []
    for base in kind.__mro__:
        names = vars(base).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            private = name.startswith("__") and not name.endswith("__")
            owner = base.__name__.lstrip("_")
            found.append(f"_{owner}{name}" if private and owner else name)
    return tuple(name for name in found if name not in {"__dict__", "__weakref__"})


def hold_everything(kind: type) -> bool:
    """Tell whether all there is to an instance is in its attributes.

    Its memory has room for nothing else: pickle asks the same before it takes an object's
    ``__dict__`` for all of it. A class of a compiled extension may keep state where no
    attribute shows it, and so may a class of Python's own, such as ``functools.partial``.
    """
    named = slots(kind)
    if not named and not kind.__dictoffset__:
        return False
    places = len(named) + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    room = object.__basicsize__ + places * _POINTER
    return kind.__itemsize__ == 0 and kind.__basicsize__ <= room


def attributes(value: Any) -> dict[str, Any]:
    """Return what ``__dict__`` and slots hold."""
    found = dict(own_dict(value) or {})
    for name in slots(type(value)):
        try:
            found[name] = object.__getattribute__(value, name)
        except AttributeError:
            continue  # nothing was put there
    return found


def own_dict(value: Any) -> Any:
    """Return an instance's ``__dict__``, past what its class does when it is asked.

    A notebook's ``__getattr__`` may load something, count, or fill itself.
    """
    try:
        return object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return None
