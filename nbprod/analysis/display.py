"""Bare expressions at a cell's end that only display something.

Such an expression is left out only if evaluating it is *known* to do nothing. What is asked of
an object (an attribute, an item, an operator, a method) runs code of the object's own, so it
counts only where the object is known to be a library's; what is not known may be the notebook's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from nbprod.analysis.library_table import data_file
from nbprod.analysis.memory import Memory
from nbprod.analysis.purity import function_is_pure
from nbprod.analysis.value import OF, Value

_COMPUTED = (ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare)
_INDEXERS = frozenset({"iloc", "loc", "at", "iat"})
# Keywords of calls that change something.
_CHANGING = frozenset({None, "inplace", "out", "ax"})


class Known(IntEnum):
    """What is known of an object, for what may be asked of it."""

    NOTHING = 0
    """It may be the notebook's own, or change when it is read."""
    PART = 1
    """A library's, or a part of one: operators and functions ask nothing of the notebook."""
    DATA = 2
    """Of a type whose methods are known."""


@cache
def _table(kind: str) -> frozenset[str]:
    """Return a list of ``library/display.toml``."""
    return frozenset(data_file("display")["display"][kind])


@dataclass(frozen=True, slots=True)
class Display:
    """Judges the bare expression at the end of a cell.

    Attributes:
        values: What its parts hold when they are evaluated.
        memory: The heap that they belong to.
        patched: Names that the notebook sets as attributes of a library's classes; ``*`` for any.
    """

    values: Mapping[ast.expr, Value]
    memory: Memory
    patched: frozenset[str] = frozenset()

    def is_harmless(self, node: ast.expr) -> bool:
        """Whether evaluating ``node`` certainly has no effect."""
        if isinstance(node, ast.Constant | ast.Name):
            return True
        if isinstance(node, ast.Attribute):
            return self._reads_attribute(node)
        if isinstance(node, ast.Call):
            return self._calls(node)
        if isinstance(node, ast.Tuple | ast.List):
            starred = [each for each in node.elts if isinstance(each, ast.Starred)]
            return self._all_harmless(node) and self._all_known(each.value for each in starred)
        if isinstance(node, ast.Starred):
            return self.is_harmless(node.value)
        if isinstance(node, ast.Compare):
            identity = all(isinstance(each, ast.Is | ast.IsNot) for each in node.ops)
            return self._all_harmless(node) and (identity or self._parts_known(node))
        if isinstance(node, _ASKING):
            return self._all_harmless(node) and self._parts_known(node)
        return False

    def known(self, node: ast.expr) -> Known:
        """Return what is known of what ``node``, which is harmless, gives."""
        value = self.values.get(node)
        if value is not None:
            if self._holds_code(value) or value.pinned:
                return Known.NOTHING
            if value.qualified:
                return Known.PART if _is_of_library(value.qualified) else Known.NOTHING
            if value.type in _table("parts"):
                return Known.PART
            if _is_data(value.type):
                return Known.DATA
            if value.type:
                return Known.NOTHING
        if isinstance(node, ast.Starred):
            return self.known(node.value)
        if isinstance(node, ast.IfExp | ast.BoolOp):
            return min(map(self.known, _parts(node)))
        return self._given(node) if isinstance(node, _COMPUTED) else Known.NOTHING

    def _given(self, node: ast.expr) -> Known:
        """Return what is known of what a library's object hands out."""
        if isinstance(node, ast.Subscript):
            column = not isinstance(node.value, ast.Attribute) or node.value.attr not in _INDEXERS
            whole = column and self._is_table(node.value) and self._type(node.value) != _SERIES
            return Known.DATA if whole else min(self.known(node.value), Known.PART)
        if isinstance(node, ast.Attribute):
            return self._handed_out(node)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                return self._handed_out(node.func)
            return Known.PART
        return min(min(map(self.known, _parts(node)), default=Known.PART), Known.PART)

    def _handed_out(self, node: ast.Attribute) -> Known:
        known = self.known(node.value)
        return known if self._is_table(node.value) else min(known, Known.PART)

    def _is_table(self, node: ast.expr) -> bool:
        """Whether it is a library's object that hands out others of its kind, as frames do."""
        kind = self._type(node)
        if kind:
            return kind.startswith(_TABLES)
        return isinstance(node, _COMPUTED) and self.known(node) is Known.DATA

    def _type(self, node: ast.expr) -> str:
        value = self.values.get(node)
        return value.type if value is not None else ""

    def _holds_code(self, value: Value) -> bool:
        """Whether the notebook's own functions or instances may be within ``value``."""
        if value.type.startswith(_TABLES):
            # What it was computed with is forgotten, but cells may be instances.
            return any(each.startswith(OF) for each in value.code)
        return bool(value.code) or bool(value.reach & self.memory.code.keys())

    def _all_harmless(self, node: ast.expr) -> bool:
        return all(map(self.is_harmless, _parts(node)))

    def _parts_known(self, node: ast.expr) -> bool:
        return self._all_known(_parts(node))

    def _all_known(self, nodes: Iterable[ast.expr]) -> bool:
        return all(self.known(each) is not Known.NOTHING for each in nodes)

    def _reads_attribute(self, node: ast.Attribute) -> bool:
        if self._is_patched(node) or not self.is_harmless(node.value):
            return False
        owner = self.values.get(node.value)
        if owner is not None and owner.qualified:
            return _is_of_library(owner.qualified) or node.attr in _table("dunders")
        return self.known(node.value) is not Known.NOTHING

    def _is_patched(self, node: ast.Attribute) -> bool:
        return node.attr in self.patched or "*" in self.patched

    def _calls(self, node: ast.Call) -> bool:
        given = [*node.args, *(word.value for word in node.keywords)]
        if any(word.arg in _CHANGING for word in node.keywords):
            return False
        if not all(map(self.is_harmless, given)):
            return False
        function = node.func
        if isinstance(function, ast.Name):
            return self._calls_builtin(function, given)
        if not isinstance(function, ast.Attribute) or self._is_patched(function):
            return False
        if isinstance(function.value, ast.Name) and self._type(function.value)[:5] == "name:":
            return False
        known = self.known(function.value) if self.is_harmless(function.value) else Known.NOTHING
        asked = _table("methods") if known is Known.DATA else _table("anywhere")
        return (
            known is not Known.NOTHING
            and function.attr in asked
            and all(map(self._only_read, given))
            and not (function.attr == "query" and any(map(_calls_by_name, given)))
        )

    def _calls_builtin(self, function: ast.Name, given: list[ast.expr]) -> bool:
        if self._type(function) != f"name:builtins.{function.id}":
            return False
        if function.id == "type" and len(given) == 1:
            return True
        return function.id in _table("functions") and all(map(self._only_read, given))

    def _only_read(self, node: ast.expr) -> bool:
        """Whether whoever is given what ``node`` gives only reads it, and calls nothing of ours."""
        value = self.values.get(node)
        if value is not None and value.qualified:
            name = value.qualified
            return _is_type(name) or function_is_pure(name)
        if isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Set):
            return all(map(self._only_read, _parts(node)))
        return self.known(node) is not Known.NOTHING


_SERIES = "pandas.Series"
_TABLES = ("pandas.", "numpy.")
# Expressions that ask something of the objects in them.
_ASKING = (
    ast.Subscript, ast.Slice, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Dict, ast.Set,
    ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip


def _parts(node: ast.expr) -> list[ast.expr]:
    return [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]


def _is_data(type_name: str) -> bool:
    return type_name in _table("types") or type_name.startswith(tuple(_table("libraries")))


def _is_of_library(qualified: str) -> bool:
    return qualified.partition(".")[0] in _table("modules")


def _is_type(qualified: str) -> bool:
    return qualified.removeprefix("builtins.") in _table("types") | _table("parts")


def _calls_by_name(node: ast.expr) -> bool:
    """Whether the text of a query may call a function of the notebook's."""
    return not isinstance(node, ast.Constant) or "@" in str(node.value)
