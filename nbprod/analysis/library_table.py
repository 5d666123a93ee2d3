"""What library calls do to the objects they are given, from the data files in ``library/``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, TypeVar

_Known = TypeVar("_Known")


class Conduct(StrEnum):
    """What a call does: the keys of the data files."""

    SCALAR = "scalar"  # returns something immutable, changes nothing
    FRESH = "fresh"  # returns something new that shares nothing, changes nothing
    SAME = "same"  # as fresh, of the receiver's own type
    PARTS = "parts"  # returns several new objects that share nothing with each other
    HOLDS = "holds"  # changes nothing; returns something new that may hold what it was given
    SHARES = "shares"  # changes nothing; may hand back what it was given, or a part or view of it
    SELF = "self"  # changes and returns the receiver
    MUTATES = "mutates"  # changes its receiver or first argument
    DRAWS = "draws"  # changes its receiver and axes only; the result shares them
    FITS = "fits"  # fits its receiver
    UNKNOWN = "unknown"  # may change and share everything


@dataclass(frozen=True, slots=True)
class _Table:
    """All data files as one."""

    functions: dict[str, Conduct] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    opens: dict[str, str] = field(default_factory=dict)
    returns: dict[str, str] = field(default_factory=dict)
    methods: dict[str, dict[str, Conduct]] = field(default_factory=dict)
    method_returns: dict[str, dict[str, str]] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    any_method: dict[str, Conduct] = field(default_factory=dict)


# Where types differ on a method name, what an object of unknown type has to reckon with.
_CAREFUL = (
    Conduct.UNKNOWN,
    Conduct.MUTATES,
    Conduct.DRAWS,
    Conduct.FITS,
    Conduct.SELF,
    Conduct.SHARES,
    Conduct.HOLDS,
    Conduct.PARTS,
    Conduct.FRESH,
    Conduct.SAME,
    Conduct.SCALAR,
)


_CONDUCT_FILES = ("builtins", "numpy", "pandas", "plotting", "sklearn")


def data_file(name: str) -> dict[str, Any]:
    """Return the contents of ``library/NAME.toml``."""
    file = resources.files("nbprod.analysis") / "library" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _table() -> _Table:
    table = _Table()
    for name in _CONDUCT_FILES:
        _add(table, data_file(name))
    for type_name, methods in table.methods.items():
        for name, conduct in methods.items():
            if type_name == "*" or conduct is not Conduct.SAME:
                _add_careful(table.any_method, name, conduct)
            else:
                _add_careful(table.any_method, name, Conduct.FRESH)
    return table


def _add_careful(known: dict[str, Conduct], name: str, conduct: Conduct) -> None:
    known[name] = min(known.get(name, conduct), conduct, key=_CAREFUL.index)


def _add(table: _Table, data: Mapping[str, dict[str, object]]) -> None:
    for key, names in data.get("functions", {}).items():
        assert isinstance(names, list)
        if key == "pinned":
            table.pinned.update(names)
        else:
            table.functions.update(dict.fromkeys(names, Conduct(key)))
    table.opens.update({name: str(mode) for name, mode in data.get("opens", {}).items()})
    table.returns.update({name: str(kind) for name, kind in data.get("returns", {}).items()})
    for type_name, attributes in data.get("attributes", {}).items():
        assert isinstance(attributes, dict)
        table.attributes.setdefault(type_name, {}).update(attributes)
    for type_name, groups in data.get("methods", {}).items():
        assert isinstance(groups, dict)
        known = table.methods.setdefault(type_name, {})
        for key, names in groups.items():
            if key == "returns":
                table.method_returns.setdefault(type_name, {}).update(names)
                continue
            for name in names:
                _add_careful(known, name, Conduct(key))


def function_conduct(qualified: str) -> Conduct:
    """Return what calling the imported thing ``qualified`` does."""
    found = longest(_table().functions, qualified)
    return found if found is not None else Conduct.UNKNOWN


def is_pinned(qualified: str) -> bool:
    """Whether what ``qualified`` returns cannot leave its process."""
    return longest(dict.fromkeys(_table().pinned, True), qualified) is True


def default_mode(qualified: str) -> str | None:
    """Return how ``qualified`` opens a file if no mode is given; ``None`` if it opens none."""
    return _table().opens.get(qualified)


def openers() -> tuple[str, ...]:
    """Return the dotted names of all functions and classes that return an open file."""
    return tuple(_table().opens)


def return_type(qualified: str) -> str:
    """Return the type of what calling ``qualified`` returns; empty if unknown."""
    return _table().returns.get(qualified, "")


def method_conduct(type_name: str, method: str) -> Conduct:
    """Return what calling ``method`` on an object of ``type_name`` (empty: unknown) does."""
    table = _table()
    own = table.methods.get(type_name, {})
    if method in own:
        return own[method]
    return table.any_method.get(method, Conduct.UNKNOWN)


def method_return_type(type_name: str, method: str) -> str:
    """Return the type of what a method returns; empty if unknown."""
    table = _table()
    known = table.method_returns.get(type_name, {}).get(method)
    if known is not None:
        return known
    if table.methods.get(type_name, {}).get(method) is Conduct.SAME:
        return type_name
    return ""


def attribute_type(type_name: str, attribute: str) -> str:
    """Return the type of an attribute; empty if unknown."""
    return _table().attributes.get(type_name, {}).get(attribute, "")


def knows_type(type_name: str) -> bool:
    """Whether the data files describe ``type_name``."""
    return type_name in _table().methods


def longest(table: Mapping[str, _Known], qualified: str) -> _Known | None:
    """Look ``qualified`` up, then its parents with ``.*``, the longest first."""
    if qualified in table:
        return table[qualified]
    parent = qualified
    while "." in parent:
        parent = parent.rpartition(".")[0]
        if f"{parent}.*" in table:
            return table[f"{parent}.*"]
    return None
