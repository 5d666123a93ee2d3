"""What setters of libraries set in C code, where no variable of a module shows it.

``torch.set_default_dtype(...)`` and ``pyarrow.set_cpu_count(...)`` keep what they are told out of
Python's sight. Most such functions have another one beside them that tells what is set, by a name
that follows from theirs: that is asked before a cell first calls the setter, and at each boundary.
"""

from __future__ import annotations

import importlib
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import fingerprint

_SETTER = re.compile(r"(set|use|enable|disable)(_?)([A-Za-z].*)")
_TOLD = ("get{_}{0}", "is{_}{0}", "is{_}{0}{_}enabled", "are{_}{0}{_}enabled")
_PLAIN = (type(None), bool, int, float, str, bytes)
_STANDING_ALONE = frozenset({"dtype", "device"})
"""Types of libraries whose objects are no more than their names."""

_SWITCHES = ("enable", "disable")

Place = tuple[str, str, str]
"""Module, what sets, what tells."""

_first: dict[Place, str] = {}
"""Settings that are watched, and the fingerprints of what was told when that began."""


def watch(module: types.ModuleType, name: str) -> None:
    """Watch what a function sets, if another one beside it tells that.

    Args:
        module: The library's module.
        name: The function's name in it.
    """
    for told in _tells(name):
        place = (module.__name__, name, told)
        if place in _first:
            return
        value = _asked(place)
        if _can_be_told_again(value):
            _first[place] = fingerprint.walk(value)[0]
            return


def snapshot() -> dict[Place, Any]:
    """Return what is set that was not at first: place to what is told."""
    found: dict[Place, Any] = {}
    for place, first in _first.items():
        value = _asked(place)
        if _can_be_told_again(value) and fingerprint.walk(value)[0] != first:
            found[place] = value
    return found


def restore(found: Mapping[Place, Any]) -> Iterator[str]:
    """Set what :func:`snapshot` found in another process; yield what could not be set."""
    for place, value in found.items():
        module, setter, _ = place
        try:
            watch(importlib.import_module(module), setter)
            _set(place, value)
            now = _asked(place)
            if fingerprint.walk(now)[0] != fingerprint.walk(value)[0]:
                yield f"{module}.{setter}: {now!r} instead of {value!r}"
        except Exception as error:
            yield f"{module}.{setter}: {type(error).__name__}: {error}"


def _tells(name: str) -> Iterator[str]:
    """Yield what functions may be called that tell what one sets."""
    match = _SETTER.fullmatch(name)
    if match is not None:
        for told in _TOLD:
            yield told.format(match[3], _=match[2])
        if match[3].endswith("count"):  # other nouns may be verbs: nobody calls ``seed()`` to look
            yield match[3]


class _Nothing:
    """Nobody tells."""


def _asked(place: Place) -> Any:
    module, setter, told = place
    names: Mapping[str, Any] = vars(sys.modules[module]) if module in sys.modules else {}
    if not _is_function(names.get(setter)) or not _is_function(names.get(told)):
        return _Nothing
    try:
        return names[told]()
    except Exception:
        return _Nothing


def _is_function(value: Any) -> bool:
    # Cython's and those of other compilers are of types of their own.
    return callable(value) and not isinstance(value, type)


def _can_be_told_again(value: Any) -> bool:
    """Tell whether a setter can be given what was told: no object that only stands for itself."""
    if isinstance(value, (tuple, list)):
        return all(map(_can_be_told_again, value))
    if isinstance(value, dict):
        return all(map(_can_be_told_again, value.values()))
    return isinstance(value, _PLAIN) or type(value).__name__ in _STANDING_ALONE


def _set(place: Place, value: Any) -> None:
    module, name, _ = place
    names = vars(sys.modules[module])
    setter: Callable[..., Any] = names[name]
    prefix = name.partition("_")[0]
    if prefix in _SWITCHES:  # told on or off, one function for each
        names[name.replace(prefix, "enable" if value else "disable", 1)]()
    elif isinstance(value, dict):
        setter(**value)
    else:
        setter(value)
