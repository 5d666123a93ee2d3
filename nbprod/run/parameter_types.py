"""Declared types of parameters: values from text and from YAML, checked."""

from __future__ import annotations

import ast
import datetime
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_NONE = frozenset({"none", "null", ""})
_CONTAINERS: dict[str, type] = {
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "set": set,
    "sequence": list,
    "mapping": dict,
}
_EVALUATED: dict[str, Callable[..., object]] = {
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "Path": Path,
    "float": float,
    "int": int,
    "set": set,
}


def parse_text(text: str, annotation: str) -> object:
    """Turn what was typed on a command line into a value of the declared type.

    Args:
        text: As given, such as ``01234``: text of a ``str`` is never changed.
        annotation: The parameter's annotation, Python source.

    Raises:
        ValueError: If it is no such value; the message says what was expected.
    """
    return _from_text(text, _tree(annotation))


def check_value(value: object, annotation: str) -> object:
    """Check a value from a YAML or JSON file against the declared type.

    Whole numbers pass for floats, ISO texts for dates, texts for paths, lists for tuples.

    Raises:
        ValueError: If it is no such value; the message says what was expected.
    """
    return _from_data(value, _tree(annotation))


def evaluate(source: str) -> object:
    """Evaluate a parameter's default: a literal, or a date, Path, ``float("nan")`` and the like.

    Raises:
        ValueError: If it is anything else.
    """
    try:
        return _evaluate(ast.parse(source.strip(), mode="eval").body)
    except (SyntaxError, TypeError, KeyError) as error:
        raise ValueError(f"{source!r} is no literal") from error


def _evaluate(node: ast.expr) -> object:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        keywords = {item.arg or "": _evaluate(item.value) for item in node.keywords}
        return _EVALUATED[name](*map(_evaluate, node.args), **keywords)
    return ast.literal_eval(node)


def _tree(annotation: str) -> ast.expr:
    try:
        node = ast.parse(annotation.strip() or "Any", mode="eval").body
    except SyntaxError:
        return ast.Name(id="Any")
    while _name(node) in {"annotated", "final"} and _arguments(node):
        node = _arguments(node)[0]
    return node


def _name(node: ast.expr) -> str:
    """Return the last part of a type's name, lower case (``dt.date`` → ``date``)."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Constant):
        return "none" if node.value is None else _name(_tree(str(node.value)))
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    return node.id.lower() if isinstance(node, ast.Name) else "any"


def _arguments(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _members(node: ast.expr) -> list[ast.expr] | None:
    """Return the members of a union, ``None`` if it is none."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*(_members(node.left) or [node.left]), *(_members(node.right) or [node.right])]
    if _name(node) == "optional":
        return [*_arguments(node), ast.Constant(value=None)]
    return _arguments(node) if _name(node) == "union" else None


def _choices(node: ast.expr) -> list[object]:
    return [ast.literal_eval(argument) for argument in _arguments(node)]


def _from_text(text: str, node: ast.expr) -> object:
    members = _members(node)
    if members is not None:
        return _union_from_text(text, members, node)
    name = _name(node)
    if name == "literal":
        for choice in _choices(node):
            if text in {str(choice), repr(choice)}:
                return choice
        raise ValueError("expected one of " + ", ".join(map(repr, _choices(node))))
    if name in _SCALARS:
        return _SCALARS[name](text)
    if name in _CONTAINERS:
        return _from_data(_container(text, node), node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _from_text(text, _tree(node.value))
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _union_from_text(text: str, members: list[ast.expr], node: ast.expr) -> object:
    names = [_name(member) for member in members]
    for member in members:
        if _name(member) == "literal" and text in map(str, _choices(member)):
            return _from_text(text, member)
    if "none" in names and text.strip().lower() in _NONE - {""}:
        return None
    # str takes any text: it comes last.
    for member in sorted(members, key=lambda member: _name(member) == "str"):
        if _name(member) == "none":
            continue
        try:
            return _from_text(text, member)
        except ValueError:
            continue
    raise ValueError(f"expected {ast.unparse(node)}")


def _container(text: str, node: ast.expr) -> object:
    bracketed = text.lstrip()[:1] in {"[", "(", "{"}
    quoted = text.lstrip()[:1] in {"'", '"'}
    for parse in (ast.literal_eval, json.loads) if bracketed or quoted else ():
        try:
            found = parse(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(found, list | tuple | dict | set):
            return found
        break
    if _name(node) == "dict" or _name(node) == "mapping" or bracketed:
        raise ValueError(f"expected {ast.unparse(node)}, written as Python or JSON")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    arguments = _arguments(node)
    if (
        _name(node) == "tuple"
        and len(arguments) == len(parts)
        and not any(map(_is_ellipsis, arguments))
    ):
        return list(map(_from_text, parts, arguments))
    element = next((item for item in arguments if not _is_ellipsis(item)), ast.Name(id="Any"))
    return [_from_text(part, element) for part in parts]


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE | _FALSE:
        return lowered in _TRUE
    raise ValueError("expected bool: true or false")


def _integer(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise ValueError("expected int: a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        raise ValueError("expected float: a number") from None


def _nothing(text: str) -> None:
    if text.strip().lower() not in _NONE:
        raise ValueError("expected None")


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("expected date, such as 2024-12-31") from None


def _datetime(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("expected datetime, such as 2024-12-31T13:00:00") from None


_SCALARS: dict[str, Callable[[str], object]] = {
    "bool": _boolean,
    "int": _integer,
    "float": _number,
    "str": str,
    "none": _nothing,
    "nonetype": _nothing,
    "date": _date,
    "datetime": _datetime,
    "path": Path,
    "purepath": Path,
}


def _from_data(value: object, node: ast.expr) -> object:
    members = _members(node)
    if members is not None:
        found = []
        for member in members:
            with suppress(ValueError):
                found.append(_from_data(value, member))
        if found:  # rather as it is than as another type that takes it
            return next((each for each in found if type(each) is type(value)), found[0])
        raise ValueError(f"expected {ast.unparse(node)}")
    name = _name(node)
    if name == "literal":
        for choice in _choices(node):
            if value == choice and type(value) is type(choice):
                return choice
        raise ValueError("expected one of " + ", ".join(map(repr, _choices(node))))
    if name in _SCALARS:
        return _scalar_from_data(value, name)
    if name in _CONTAINERS:
        return _container_from_data(value, node)
    return value


_POWER_OF_TEN = re.compile(r"[+-]?\d+[eE][+-]?\d+")
"""A number such as ``1e-3``, which YAML 1.1 takes for a text, as it has no point."""

_EXACT: dict[str, type] = {"bool": bool, "int": int, "str": str}


def _scalar_from_data(value: object, name: str) -> object:
    if name in {"none", "nonetype"} and value is None:
        return None
    if name == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if name == "float" and isinstance(value, str) and _POWER_OF_TEN.fullmatch(value):
        return float(value)
    if name in _EXACT and type(value) is _EXACT[name]:
        return value
    if name in {"path", "purepath"} and isinstance(value, str | Path):
        return Path(value)
    if name == "datetime" and isinstance(value, datetime.datetime):
        return value
    if name == "date" and type(value) is datetime.date:
        return value
    if name in {"date", "datetime"} and isinstance(value, str):
        return _SCALARS[name](value)
    raise ValueError(f"expected {name}, not {type(value).__name__}")


def _container_from_data(value: object, node: ast.expr) -> object:
    name, arguments = _name(node), _arguments(node)
    kind = _CONTAINERS[name]
    if kind is dict:
        if not isinstance(value, dict):
            raise ValueError(f"expected {ast.unparse(node)}, not {type(value).__name__}")
        if len(arguments) != 2:
            return value
        return {
            _from_data(key, arguments[0]): _from_data(item, arguments[1])
            for key, item in value.items()
        }
    if not isinstance(value, list | tuple | set):
        raise ValueError(f"expected {ast.unparse(node)}, not {type(value).__name__}")
    items = list(value)
    if name == "tuple" and arguments and not any(map(_is_ellipsis, arguments)):
        if len(items) != len(arguments):
            raise ValueError(f"expected {ast.unparse(node)}: {len(arguments)} values")
        return tuple(map(_from_data, items, arguments))
    element = next((item for item in arguments if not _is_ellipsis(item)), None)
    return kind(items if element is None else [_from_data(item, element) for item in items])
