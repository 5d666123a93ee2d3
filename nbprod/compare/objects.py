"""Functions, classes, estimators and objects of any class."""

from __future__ import annotations

import functools
import inspect
import io
import itertools
import logging
import re
import struct
import sys
import threading
import types
import typing
import weakref
from collections.abc import Iterator
from typing import Any

from nbprod.compare.attributes import attributes, hold_everything
from nbprod.compare.compiled import compiled_difference, function_code_difference
from nbprod.compare.predictions import prediction_difference
from nbprod.compare.walk import NotComparableError, Walk, versus, within, words

# Attributes of scikit-learn's estimators that tell how long something took.
_MEASURED_TIMES = frozenset(
    {"refit_time_", "mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"}
)
# Attributes that scikit-learn's estimators keep when they are asked: a table that they make
# again, and the address of the stop words that were checked, another in every process.
_KEPT_WHEN_ASKED = frozenset({"_stop_words_id", "_cached_dict"})
# What functions of ``functools.singledispatch`` keep when they are called.
_KEPT_BY_DISPATCH = frozenset({"dispatch_cache", "cache_token"})
_VIEWS: Any = (type({}.keys()), type({}.values()), type({}.items()))
_LOCK = type(threading.Lock())
_NONE = object()
_IN_MEMORY = (io.StringIO, io.BytesIO)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def type_difference(one: Any, other: Any) -> str:
    """Compare the types of two values; a class may have moved to another module.

    A notebook's class lives in ``__main__``, and in the generated package after that.
    """
    first, second = type(one), type(other)
    if first is second:
        return ""
    if name_of(first) == name_of(second) and _moved(first, second):
        return ""
    if first.__qualname__ == second.__qualname__:
        names = (f"{kind.__module__}.{kind.__qualname__}" for kind in (first, second))
        return "type {} vs {}".format(*names)
    return f"type {first.__qualname__} vs {second.__qualname__}"


def _moved(one: type, other: type) -> bool:
    """Tell whether two classes may be one of the notebook's, in two places.

    Loaded twice, it is two classes of which its module knows neither.
    """
    if "__main__" in {one.__module__, other.__module__}:
        return True
    return one.__module__ == other.__module__ and not any(map(_is_found, (one, other)))


def _is_found(kind: type) -> bool:
    """Tell whether a class is found under its name in its module."""
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is kind


def name_of(code: Any) -> str:
    """Return the name of a function or class as its author knows it.

    What reads notebook variables is defined inside the step function that uses it.
    """
    return str(code.__qualname__).rpartition("<locals>.")[2]


def is_code(value: Any) -> bool:
    """Tell whether ``value`` is a function, a class, a module, or code."""
    return isinstance(value, (*_FUNCTIONS, type, types.ModuleType, types.CodeType, property))


def code_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare functions and classes by name and source, modules by name."""
    if isinstance(one, types.ModuleType):
        return "" if one.__name__ == other.__name__ else versus(one.__name__, other.__name__)
    if isinstance(one, types.CodeType):
        return compiled_difference(walk, one, other)
    if isinstance(one, property):
        return walk.first(
            walk.compare(getattr(one, part), getattr(other, part)) for part in ("fget", "fset")
        )
    if isinstance(one, types.MethodType):
        # What is bound need not be a function: scipy binds objects that can be called.
        return walk.compare(one.__func__, other.__func__) or walk.compare(
            one.__self__, other.__self__, "its object"
        )
    if name_of(one) != name_of(other):
        return versus(one.__qualname__, other.__qualname__)
    if isinstance(one, types.BuiltinFunctionType):
        if one.__module__ != other.__module__:
            return versus(one, other)
        return walk.compare(one.__self__, other.__self__, "its object")
    if isinstance(one, type):
        return _class_difference(walk, one, other)
    return _function_difference(walk, one, other)


def _function_difference(walk: Walk, one: Any, other: Any) -> str:
    sources = _source(one), _source(other)
    if None in sources or sources[0] != sources[1]:
        found = function_code_difference(walk, one, other)
        if found:
            return found
    return (
        walk.compare(one.__defaults__, other.__defaults__, "defaults")
        or walk.compare(one.__kwdefaults__, other.__kwdefaults__, "defaults")
        or _closure_difference(walk, one, other)
    )


def _closure_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare what two functions enclose.

    What a notebook's function reads of the notebook is global there, and enclosed where
    the same function stands within a step's.
    """
    first, second = _enclosed(one), _enclosed(other)
    if one.__globals__.get("__name__") == "functools":
        first, second = (
            {n: v for n, v in each.items() if n not in _KEPT_BY_DISPATCH}
            for each in (first, second)
        )
    for name in [*first, *(name for name in second if name not in first)]:
        values = [
            found[name] if name in found else function.__globals__.get(name)
            for found, function in ((first, one), (second, other))
        ]
        if values[0] is one and values[1] is other:
            continue  # it calls itself
        found = walk.compare(values[0], values[1], "closure")
        if found:
            return found
    return ""


def _enclosed(function: Any) -> dict[str, Any]:
    return dict(zip(function.__code__.co_freevars, _cells(function), strict=True))


def _cells(function: Any) -> list[Any]:
    found: list[Any] = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append(None)
    return found


def _source(function: Any) -> str | None:
    if function.__name__ == "<lambda>":
        return None  # its source is the whole statement it stands in
    try:
        return inspect.cleandoc(inspect.getsource(function))
    except (OSError, TypeError):
        return None


def _class_difference(walk: Walk, one: Any, other: Any) -> str:
    if one.__module__ == other.__module__ and not _moved(one, other):
        return "it is another class of the same name"
    skipped = {"__module__", "__dict__", "__weakref__", "__doc__", "__firstlineno__"}
    skipped |= {"__slotnames__", "__static_attributes__", "__qualname__"}
    skipped |= set(getattr(one, "__slots__", ()))  # their descriptors; the names are compared
    parts = [name for name in vars(one) if name not in skipped and not name.startswith("_abc_")]
    theirs = [name for name in vars(other) if name not in skipped and not name.startswith("_abc_")]
    if sorted(parts) != sorted(theirs):
        return f"its members are others ({words(sorted(set(parts) ^ set(theirs)))})"
    found = walk.compare(one.__bases__, other.__bases__, "bases")
    if found:
        return found
    for name in parts:
        first, second = vars(one)[name], vars(other)[name]
        if type(first).__name__ in {"staticmethod", "classmethod"}:
            first, second = first.__func__, getattr(second, "__func__", second)
        if inspect.ismemberdescriptor(first) or inspect.isgetsetdescriptor(first):
            continue
        found = walk.compare(first, second, f"member {name}")
        if found:
            return found
    return ""


def object_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare two objects: their attributes, or what they give to be rebuilt from."""
    if isinstance(one, _IN_MEMORY):
        return walk.compare(_in_memory(one), _in_memory(other))
    opened = _opened(one), _opened(other)
    if None not in opened:
        return walk.compare(*opened)
    if isinstance(one, itertools.count):
        return "" if repr(one) == repr(other) else versus(repr(one), repr(other))
    if _is_read_once(one):
        raise NotComparableError(f"a {type(one).__name__} can be read only once")
    if type(one).__name__ == "CapturedIO":  # what %%capture NAME keeps
        return walk.compare((one.stdout, one.stderr), (other.stdout, other.stderr), "its text")
    if _is_estimator(one):
        return _estimator_difference(walk, one, other)
    if isinstance(one, BaseException):
        found = _rebuild_difference(walk, one, other)
        return found or walk.compare(one.__cause__, other.__cause__, "cause")
    if _has_plain_state(one) and _has_plain_state(other):
        return _state_difference(walk, one, other)
    return _rebuild_difference(walk, one, other)


def _state_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare the attributes; where one is a handle, what the class makes of them for pickle.

    xgboost's ``Booster`` keeps a pointer, and gives the model's bytes in its place.
    """
    try:
        return _attributes_difference(walk, one, other)
    except NotComparableError:
        kind = type(one)
        if getattr(kind, "__getstate__", None) is getattr(object, "__getstate__", None):
            raise
        if not hasattr(kind, "__getstate__"):
            raise
        return walk.compare(one.__getstate__(), other.__getstate__())


def _opened(value: Any) -> Any:
    """Return what there is to an object of Python's own that cannot be pickled."""
    if isinstance(value, re.Pattern):
        return value.pattern, value.flags
    if isinstance(value, re.Match):
        return value.re, value.string, value.regs
    if isinstance(value, _VIEWS):
        return dict(value.mapping)
    if isinstance(value, _LOCK):
        return value.locked()
    if isinstance(value, logging.Handler):
        return _handler(value)
    if isinstance(value, weakref.ReferenceType):
        return (value(),)
    if isinstance(value, struct.Struct):
        return value.format, getattr(value, "__dict__", None)
    if isinstance(value, functools._lru_cache_wrapper):
        return value.__wrapped__, value.cache_parameters()
    if isinstance(value, functools.cached_property):
        return value.func, value.attrname
    if isinstance(value, typing.TypeVar):
        bounds = value.__bound__, value.__constraints__
        return value.__name__, *map(repr, bounds), value.__covariant__, value.__contravariant__
    return None


def _handler(value: logging.Handler) -> tuple[Any, ...]:
    """Return what a handler of logs does, its lock and the place in its file left out."""
    stream = getattr(value, "stream", None)
    file = getattr(value, "baseFilename", None)
    where = file if file is not None else getattr(stream, "name", stream)
    own = {
        name: each
        for name, each in vars(value).items()
        if name not in {"lock", "stream", "delay", "_closed", "_name"}
    }
    return where, own


def _in_memory(value: Any) -> tuple[Any, ...]:
    """Return what a file in memory holds, and where it is read on."""
    return ("closed",) if value.closed else (value.getvalue(), value.tell())


def holds_frame(value: Any) -> bool:
    """Tell whether it is the place where formulas look names up: the frame that made it.

    statsmodels' models keep one (patsy's ``EvalEnvironment``), and after loading another.
    """
    return type(value).__module__ == "patsy.eval"


def _is_read_once(value: Any) -> bool:
    """Tell whether looking at what ``value`` holds would use it up.

    Python's own iterators say what they are made of and where they are, up to 3.13.
    """
    if _has_plain_state(value) or not (isinstance(value, Iterator) or inspect.isawaitable(value)):
        return False
    return type(value).__reduce__ is object.__reduce__


def _is_estimator(value: Any) -> bool:
    kind = type(value)
    return callable(getattr(kind, "get_params", None)) and callable(getattr(kind, "fit", None))


def _estimator_difference(walk: Walk, one: Any, other: Any) -> str:
    parameters = _parameters(one), _parameters(other)
    for name in parameters[0].keys() | parameters[1].keys():
        found = walk.compare(parameters[0].get(name), parameters[1].get(name), f"parameter {name}")
        if found:
            return found
    outermost, walk.within_estimator = not walk.within_estimator, True
    try:
        if not _has_plain_state(one):
            found = _rebuild_difference(walk, one, other)
        else:
            found = _attributes_difference(walk, one, other)
    finally:
        walk.within_estimator = not outermost
    return found or (prediction_difference(walk, one, other) if outermost else "")


def _parameters(estimator: Any) -> dict[str, Any]:
    try:
        return dict(estimator.get_params(deep=False))
    except TypeError:
        return dict(estimator.get_params())


def _has_plain_state(value: Any) -> bool:
    return hold_everything(type(value))


def _attributes(value: Any) -> dict[str, Any]:
    found = attributes(value)
    if type(value).__module__.startswith("pandas."):
        found.pop("_cache", None)  # what looking at it has computed
    return found


def _default(value: Any, name: str) -> dict[str, Any]:
    """Return what an object without an attribute of its own has by its class or a property."""
    found = next((vars(base)[name] for base in type(value).__mro__ if name in vars(base)), _NONE)
    if found is _NONE or (hasattr(found, "__get__") and not isinstance(found, property)):
        return {}
    try:
        return {name: getattr(value, name)}
    except Exception:
        return {}


def _attributes_difference(walk: Walk, first_object: Any, second_object: Any) -> str:
    one, other = _attributes(first_object), _attributes(second_object)
    for name in one.keys() ^ other.keys():
        one = {**_default(first_object, name), **one}
        other = {**_default(second_object, name), **other}
    for name in [*one, *(name for name in other if name not in one)]:
        if name in _MEASURED_TIMES or name in _KEPT_WHEN_ASKED:
            continue
        if name not in other:
            return f"attribute {name} is new"
        if name not in one:
            return f"attribute {name} is missing"
        first, second = one[name], other[name]
        if name == "cv_results_":
            first, second = _without_times(first), _without_times(second)
        found = walk.compare(first, second, f"attribute {name}")
        if found:
            return found
    return ""


def _without_times(results: Any) -> Any:
    if not isinstance(results, dict):
        return results
    return {key: value for key, value in results.items() if key not in _MEASURED_TIMES}


def _rebuild_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare what two objects give to ``pickle``, part by part."""
    parts = _reduced(one), _reduced(other)
    if isinstance(parts[0], str) or isinstance(parts[1], str):
        return "" if parts[0] == parts[1] else versus(parts[0], parts[1])
    names = ("constructor", "arguments", "state", "items", "entries")
    for name, first, second in zip(names, *parts, strict=False):
        found = walk.compare(first, second, "" if name == "state" else name)
        if found:
            return within("", found)
    return ""


# Trees of scikit-learn's that count their nodes as they are asked: items 7 to 10 of the state.
_COUNTING_TREES = frozenset({"sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"})


def _reduced(value: Any) -> Any:
    try:
        found = value.__reduce_ex__(4)
    except Exception as error:
        raise NotComparableError(f"a {type(value).__name__} ({error})") from error
    if isinstance(found, str):
        return found
    padded = [*found, None, None, None, None][:5]
    if type(value).__module__ in _COUNTING_TREES:
        padded[2] = (*padded[2][:7], *padded[2][11:])
    padded[2] = padded[2] or None  # an object without attributes gives {} or None
    return [list(part) if isinstance(part, Iterator) else part for part in padded]
