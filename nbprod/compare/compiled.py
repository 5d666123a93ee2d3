"""Compiled code, compared without regard to where its author wrote it."""

from __future__ import annotations

import ast
import dis
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType

from nbprod.compare.walk import Walk

_DIFFERENT = "its code is another"
_PARTS = ("co_varnames", "co_cellvars", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount")
# How a variable from outside is read depends on whether a function encloses the code.
_OUTSIDE = {"LOAD_GLOBAL": "LOAD", "LOAD_DEREF": "LOAD", "LOAD_NAME": "LOAD"}
_OUTSIDE |= {"STORE_GLOBAL": "STORE", "STORE_DEREF": "STORE", "STORE_NAME": "STORE"}
# ``np.clip(…)`` is another one where ``np`` is imported in the same file than in a later cell.
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_PREPARES = frozenset({"COPY_FREE_VARS", "PUSH_NULL", "NOP", "CACHE", "RESUME", "EXTENDED_ARG"})
_PREPARES |= {"LOAD_CLOSURE", "MAKE_CELL"}
_CLOSURE = 8  # flag of MAKE_FUNCTION: a tuple of enclosed variables comes first
_SITE = re.compile(r"(\w+):\d+$")

rewritings: dict[str, Callable[[ast.Module], ast.AST]] = {}
"""How a run rewrites the notebook's code before it is compiled, by a text that such code
has among its constants. It numbers its places: ``fit:3``."""


def function_code_difference(walk: Walk, one: FunctionType, other: FunctionType) -> str:
    """Compare the code of two functions, of which a run may have rewritten one."""
    found = compiled_difference(walk, one.__code__, other.__code__)
    for mark, rewrite in rewritings.items() if found else ():
        plain, rewritten = (one, other) if _holds(other.__code__, mark) else (other, one)
        if not _holds(rewritten.__code__, mark) or _holds(plain.__code__, mark):
            continue
        again = _rewritten(plain, rewrite)
        if any(not compiled_difference(walk, each, rewritten.__code__) for each in again):
            return ""
    return found


def _holds(code: CodeType, mark: str) -> bool:
    return any(
        each == mark if isinstance(each, str) else isinstance(each, CodeType) and _holds(each, mark)
        for each in code.co_consts
    )


def _rewritten(function: FunctionType, rewrite: Callable[[ast.Module], ast.AST]) -> list[CodeType]:
    """Return what ``function`` is once rewritten: one code, several for a lambda among others."""
    owner = function.__qualname__.split(".")[-2:-1]
    try:
        source = textwrap.dedent(inspect.getsource(function))
        if owner and owner[0] != "<locals>":
            source = f"class {owner[0]}:\n{textwrap.indent(source, ' ')}"
        whole = compile(rewrite(ast.parse(source)), "<rewritten>", "exec", dont_inherit=True)  # type: ignore[call-overload]
    except (OSError, TypeError, SyntaxError):
        return []
    return [each for each in _within(whole) if each.co_name == function.__code__.co_name]


def _within(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _within(each)


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
    if any(
        _site(first) != _site(second) or (not _site(first) and walk.compare(first, second))
        for first, second in constants
    ):
        return _DIFFERENT
    return ""


def _site(constant: object) -> str:
    """Return which call a rewritten place observes; empty for any other constant."""
    found = _SITE.match(constant) if rewritings and isinstance(constant, str) else None
    return found[1] if found else ""


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
        if each.opname in _ATTRIBUTES:
            yield "LOAD_ATTR", name
        elif each.opname in _OUTSIDE:
            yield _OUTSIDE[each.opname], name
        elif each.opname == "MAKE_FUNCTION":
            yield each.opname, str((each.arg or 0) & ~_CLOSURE)
        elif "CONST" in each.opname or "JUMP" in each.opname or each.opname == "FOR_ITER":
            yield each.opname, ""  # constants are compared by value; targets move with the rest
        else:
            yield each.opname, name
