"""Compiled code, compared without regard to where its author wrote it."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType

from nbprod.compare.walk import Walk

_DIFFERENT = "its code is another"
_PARTS = ("co_varnames", "co_cellvars", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount")
# How a variable from outside is read depends on whether a function encloses the code.
_OUTSIDE = {"LOAD_GLOBAL": "LOAD", "LOAD_DEREF": "LOAD", "LOAD_NAME": "LOAD"}
_OUTSIDE |= {"STORE_GLOBAL": "STORE", "STORE_DEREF": "STORE", "STORE_NAME": "STORE"}
_PREPARES = frozenset({"COPY_FREE_VARS", "PUSH_NULL", "NOP", "CACHE", "RESUME", "EXTENDED_ARG"})
_PREPARES |= {"LOAD_CLOSURE", "MAKE_CELL"}
_CLOSURE = 8  # flag of MAKE_FUNCTION: a tuple of enclosed variables comes first


def compiled_difference(walk: Walk, one: CodeType, other: CodeType) -> str:
    """Compare two code objects by what they do.

    A function of the notebook stands at the top level there, and within a step's function
    in the generated package: what it reads of the notebook is global in the one and
    enclosed in the other.

    Args:
        walk: Compares the constants.
        one: The first.
        other: The second.
    """
    nested = inspect.CO_NESTED
    if one.co_flags & ~nested != other.co_flags & ~nested:
        return _DIFFERENT
    if any(getattr(one, part) != getattr(other, part) for part in _PARTS):
        return _DIFFERENT
    if list(_instructions(one)) != list(_instructions(other)):
        return _DIFFERENT
    if len(one.co_consts) != len(other.co_consts):
        return _DIFFERENT
    constants = zip(one.co_consts, other.co_consts, strict=True)
    return _DIFFERENT if any(walk.compare(first, second) for first, second in constants) else ""


def _instructions(code: CodeType) -> Iterator[tuple[str, str]]:
    before = ""
    for each in dis.get_instructions(code):
        name = str(each.argval)
        closure = each.opname == "BUILD_TUPLE" and before == "LOAD_CLOSURE"
        before = each.opname
        if closure or each.opname in _PREPARES:
            continue
        if each.opname == "SET_FUNCTION_ATTRIBUTE" and each.arg == _CLOSURE:
            continue
        if each.opname in _OUTSIDE:
            yield _OUTSIDE[each.opname], name
        elif each.opname == "MAKE_FUNCTION":
            yield each.opname, str((each.arg or 0) & ~_CLOSURE)
        elif "CONST" in each.opname or "JUMP" in each.opname or each.opname == "FOR_ITER":
            yield each.opname, ""  # constants are compared by value; targets move with the rest
        else:
            yield each.opname, name
