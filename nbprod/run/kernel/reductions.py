"""Values that pickle saves wrongly or not at all, and how they are saved instead.

Some are *the* object of their kind in a process, such as ``os.environ``: a copy would be
cut off from what it stands for. Others come back as something else (a ``memoryview`` as
bytes, a dict's keys as a view of a copy) or run the author's ``__init__`` once more.
"""

from __future__ import annotations

import ast
import contextlib
import copyreg
import functools
import gc
import importlib
import itertools
import pickle
import random
import re
import sys
import threading
import types
from collections.abc import Iterator, Set
from typing import Any

from . import attributes, callers, contents

# Objects of which a process has one: through them its state is changed, or they are asked for
# by ``is``.
_SINGLETONS = (
    ("os", "environ"),
    ("sys", "path"),
    ("sys", "modules"),
    ("sys", "stdout"),
    ("sys", "stderr"),
    ("warnings", "filters"),
    ("random", "_inst"),
    ("numpy.random.mtrand", "_rand"),
    ("numpy", "nan"),
    ("math", "nan"),
    ("matplotlib", "rcParams"),
    ("matplotlib", "rcParamsDefault"),
    ("matplotlib", "rcParamsOrig"),
    ("pandas", "options"),
    ("dataclasses", "MISSING"),
    ("dataclasses", "KW_ONLY"),
    ("dataclasses", "_HAS_DEFAULT_FACTORY"),
    ("argparse", "SUPPRESS"),
    ("reprlib", "aRepr"),
    ("matplotlib.font_manager", "fontManager"),
    ("matplotlib.style", "library"),
)
# Exceptions that keep more than their arguments know how to be saved; others forget
# their author's ``__init__``, which would be called with what it has made of its arguments.
_OWN_WAY = (OSError, UnicodeError, SyntaxError, ImportError, StopIteration, SystemExit)
_SAVED_BY = frozenset(
    {"__reduce__", "__reduce_ex__", "__getstate__", "__setstate__"}
    | {"__getnewargs__", "__getnewargs_ex__"}
)
"""Methods by which a class says itself how it is saved."""
forgettable: set[str] = set()
"""Functions that only compute, so that nobody sees whether a cache of theirs is lost."""
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())
_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


def singletons() -> dict[int, str]:
    """Return the id of each such object that is loaded, with its name ``module:attribute``."""
    found: dict[int, str] = {}
    for module, name in _SINGLETONS:
        value = getattr(sys.modules.get(module), name, None)
        if value is not None:
            found[id(value)] = f"{module}:{name}"
    if "decimal" in sys.modules:
        context: Any = sys.modules["decimal"].getcontext()
        found[id(context)] = "decimal:getcontext()"
    if "IPython.core.getipython" in sys.modules:
        shell: Any = sys.modules["IPython.core.getipython"].get_ipython()
        if shell is not None:
            found[id(shell)] = "IPython.core.getipython:get_ipython()"
    return found


def singleton(reference: str) -> Any:
    """Return this process's object of that name."""
    module, _, name = reference.partition(":")
    if name not in {each for _, each in _SINGLETONS} | {"getcontext()", "get_ipython()"}:
        raise pickle.UnpicklingError(f"unknown reference {reference!r}")
    found = getattr(importlib.import_module(module), name.removesuffix("()"))
    return found() if name.endswith("()") else found


def was_searched(value: Any) -> bool:
    """Tell whether an index of pandas made its table of positions, as the first search does."""
    kept = getattr(value, "_cache", None)
    engine = kept.get("_engine") if isinstance(kept, dict) else None
    return bool(getattr(engine, "is_mapping_populated", False)) and value.size > 0


def searched(make: Any, arguments: Any) -> Any:
    """Make an index that has its table of positions: ``DataFrame.info`` counts its memory."""
    index = make(*arguments)
    with contextlib.suppress(Exception):
        if index._engine.is_unique and not index._engine.is_mapping_populated:
            index.get_loc(index[0])
    return index


def noted_on(frame: Any) -> dict[str, Any]:
    """Return the attributes that a notebook has set on a frame or series; pandas saves none.

    The designs that patsy notes on its frames cannot be saved: statsmodels finds them again.
    """
    own = attributes.own_dict(frame) or {}
    public = [name for name in own if not name.startswith("_")]
    if not public:
        return {}
    kind = type(frame)
    usual = {*getattr(kind, "_accessors", ()), *getattr(kind, "_metadata", ())}
    return {
        name: own[name]
        for name in public
        if name not in usual and not type(own[name]).__module__.startswith("patsy.")
    }


def reduce(value: Any) -> Any:
    """Return what a pickler's ``reducer_override`` returns, or ``None`` for any other value.

    Raises:
        pickle.PicklingError: If it would come back as something else.
    """
    kind = type(value)
    if kind in _VIEWS:
        return getattr(dict, _VIEWS[kind]), (gc.get_referents(value.mapping)[0],)
    if kind is types.MappingProxyType:
        shown = gc.get_referents(value)[0]
        if type(shown) is dict and not {"__module__", "__dict__"} <= shown.keys():
            return types.MappingProxyType, (shown,)  # it goes on showing this dict
    if kind is memoryview:
        return _memoryview(value)
    if kind.__module__.startswith("pandas") and was_searched(value):
        return searched, value.__reduce__()[:2]
    if kind is types.FunctionType and value.__module__ == "__main__" and dispatches(value):
        others = [(key, code) for key, code in value.registry.items() if key is not object]
        return _singledispatch, (value.registry[object], others)
    if kind is re.Match:
        return _match(value)
    if kind is _LOCK or kind is _RLOCK:
        if _is_held(value):
            raise pickle.PicklingError("a lock that is held exists in one process only")
        return kind if kind is _RLOCK else threading.Lock, ()
    if kind is random.SystemRandom:
        return kind, ()  # it has no state: all draw from the system
    if kind is itertools.count:
        return kind, counted(value)
    if kind is functools.cached_property:
        return _cached_property, (value.func, value.attrname)
    if kind is functools._lru_cache_wrapper and value.__module__ == "__main__":
        if value.cache_info().currsize and value.__qualname__ not in forgettable:
            raise pickle.PicklingError("the results that it keeps cannot be stored")
        settings = value.cache_parameters()
        return _lru_cache, (value.__wrapped__, settings["maxsize"], settings["typed"])
    if isinstance(value, BaseException):
        return _reduced_exception(value)
    if hasattr(kind, "__dataclass_fields__") and kind.__module__ != "__main__":
        return _class_constant(value)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and kind is not numpy.ndarray and isinstance(value, numpy.ndarray):
        return _reduced_array(value, numpy)
    if isinstance(value, (dict, list, set)) and _is_authors_container(kind):
        return _filled, (kind,), (_held(value), _own_dict(value)), None, None, _fill
    if _hands_on_what_it_lacks(kind):
        return _filled, (kind,), _state(value), None, None, _fill_attributes
    if isinstance(value, (dict, list)) and _drops_attributes(value):
        return (*value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)[:5], _set_attributes)
    return None


def _class_constant(value: Any) -> Any:
    """Reduce what a library keeps as a class's attribute to that; ``None`` if it is none.

    scikit-learn's losses all have one range of values so: a copy would be another object.
    """
    package = type(value).__module__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != package:
            continue
        for owner in list(getattr(module, "__dict__", {}).values()):
            if isinstance(owner, type) and owner.__module__ == name:
                for attribute, each in list(vars(owner).items()):
                    if each is value:
                        return getattr, (owner, attribute)
    return None


def _is_authors_container(kind: type) -> bool:
    """Tell whether pickle would call methods of the author's to take a container apart."""
    if not callers.is_of_author(kind):
        return False
    base = next(each for each in kind.__mro__ if each in {dict, list, set} or not _is_python(each))
    if base not in {dict, list, set} or attributes.slots(kind):
        return False
    return not _defines(kind, _SAVED_BY | {"__new__"})


def _held(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(zip(contents.keys(value), contents.values(value)))  # noqa: B905
    return list(contents.items(value))


def _own_dict(value: Any) -> dict[str, Any]:
    return dict(attributes.own_dict(value) or {})


def _filled(kind: Any) -> Any:
    """Make an object without its content; pickled artifacts call this by name."""
    return kind.__new__(kind)


def _fill(value: Any, state: tuple[list[Any], dict[str, Any]]) -> None:
    """Fill a container past the methods of its class."""
    held, own = state
    if isinstance(value, dict):
        dict.update(value, held)
    elif isinstance(value, list):
        list.extend(value, held)
    else:
        set.update(value, held)
    _fill_attributes(value, (own, {}))


def _hands_on_what_it_lacks(kind: type) -> bool:
    """Tell whether pickle would ask a ``__getattr__`` for what the class itself does not have.

    One that hands on to ``self.inner`` asks itself without end where the object is still empty.
    """
    return (
        isinstance(getattr(kind, "__getattr__", None), types.FunctionType)
        and attributes.hold_everything(kind)
        and kind not in copyreg.dispatch_table
        and not _defines(kind, _SAVED_BY | {"__getattribute__"})
    )


def _state(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    own = _own_dict(value)
    held = attributes.attributes(value)
    return own, {name: each for name, each in held.items() if name not in own}


def _fill_attributes(value: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Set attributes past the methods of the class; pickled artifacts call this by name."""
    own, slots = state
    if own:
        object.__getattribute__(value, "__dict__").update(own)
    for name, each in slots.items():
        object.__setattr__(value, name, each)


def _drops_attributes(value: Any) -> bool:
    """Tell whether a container saves its attributes, but its ``__setstate__`` may not take them.

    scikit-learn's ``Bunch``, what ``load_iris()`` and others give, ignores them all.
    """
    kind: Any = type(value)
    default: Any = object
    return (
        hasattr(kind, "__setstate__")
        and bool(getattr(value, "__dict__", None))
        and getattr(kind, "__getstate__", None) is getattr(object, "__getstate__", None)
        and kind.__reduce_ex__ is default.__reduce_ex__
        and kind.__reduce__ is default.__reduce__
    )


def _set_attributes(value: Any, state: dict[str, Any]) -> None:
    value.__setstate__(state)
    for name, attribute in state.items():
        vars(value).setdefault(name, attribute)


def _match(value: re.Match[Any]) -> Any:
    """Match once more, from where it matched; only what comes out the same is saved so."""
    again = value.re.match(value.string, value.start(), value.endpos)
    if again is None or again.regs != value.regs:
        raise pickle.PicklingError("a match that depends on what stands before it cannot be stored")
    return _matched, (value.re, value.string, value.start(), value.endpos)


def _matched(pattern: Any, text: Any, start: int, end: int) -> Any:
    return pattern.match(text, start, end)


def counted(value: Any) -> tuple[Any, ...]:
    """Return where an ``itertools.count`` is, and its step; only numbers are told by its text."""
    found = ast.literal_eval(f"[{repr(value).removeprefix('count(').removesuffix(')')}]")
    if not all(type(each) in {int, float} for each in found):
        raise pickle.PicklingError("a count of something else than numbers cannot be stored")
    return tuple(found)


def _is_held(lock: Any) -> bool:
    if lock.acquire(blocking=False):
        lock.release()
        return bool(getattr(lock, "_is_owned", lambda: False)())
    return True


def _memoryview(value: memoryview) -> Any:
    try:
        whole = memoryview(value.obj)
    except (TypeError, ValueError):
        whole = None
    parts = ("format", "shape", "strides", "readonly")
    if whole is None or any(getattr(value, part) != getattr(whole, part) for part in parts):
        raise pickle.PicklingError("a memoryview of a part cannot be stored")
    return memoryview, (value.obj,)


def dispatches(value: types.FunctionType) -> bool:
    """Tell whether it is a function of ``functools.singledispatch``."""
    return {"registry", "dispatch", "register", "_clear_cache"} <= vars(value).keys()


def _singledispatch(function: Any, others: list[tuple[Any, Any]]) -> Any:
    made = functools.singledispatch(function)
    for kind, code in others:
        made.register(kind, code)
    return made


def with_qualified_name(value: type, reduced: Any) -> Any:
    """Add the qualified name to what cloudpickle saves of a class within another."""
    if not isinstance(reduced, tuple) or len(reduced) < 3 or not isinstance(reduced[2], tuple):
        return reduced
    state = ({**reduced[2][0], "__qualname__": value.__qualname__}, *reduced[2][1:])
    return (*reduced[:2], state, *reduced[3:])


_OF_METACLASSES = ("__new__", "__init__", "__call__", "__prepare__")


def made_quietly(value: type, reduced: Any) -> Any:
    """Let a class come back without telling the notebook's own classes above it.

    A metaclass or ``__init_subclass__`` that keeps a registry would count it twice.
    """
    if not isinstance(reduced, tuple) or not any(_telling(type(value), value.__bases__)):
        return reduced
    if not isinstance(reduced[1][0], type):
        return reduced  # an Enum, which comes back by a way of its own
    return (_quietly, (reduced[0], *reduced[1]), *reduced[2:])


def _telling(meta: type, bases: tuple[type, ...]) -> Iterator[tuple[type, str]]:
    for above in dict.fromkeys(each for base in bases for each in base.__mro__):
        if above.__module__ == "__main__" and "__init_subclass__" in vars(above):
            yield above, "__init_subclass__"
    for above in meta.__mro__:
        if above.__module__ == "__main__":
            yield from ((above, name) for name in _OF_METACLASSES if name in vars(above))


def _quietly(make: Any, *arguments: Any) -> Any:
    meta, _, bases = arguments[:3]
    kept = [(each, name, vars(each)[name]) for each, name in _telling(meta, bases)]
    for each, name, _ in kept:
        delattr(each, name)
    try:
        return make(*arguments)
    finally:
        for each, name, value in kept:
            setattr(each, name, value)


def _cached_property(function: Any, name: str | None) -> Any:
    made: Any = functools.cached_property(function)
    made.attrname = name
    return made


def _lru_cache(function: Any, maxsize: int | None, typed: bool) -> Any:
    """Return the cached function with an empty cache."""
    return functools.lru_cache(maxsize=maxsize, typed=typed)(function)


def _reduced_exception(value: BaseException) -> Any:
    """Save what pickle forgets of an exception: what it was raised from."""
    kind: Any = type(value)
    found: Any = None
    if _forgets_init(kind):
        found = _exception, (kind, value.args), dict(vars(value))
    if value.__cause__ is None:
        return found
    found = found or value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    state = found[2] if len(found) > 2 else None, value.__cause__, value.__suppress_context__
    return found[0], found[1], state, None, None, _set_cause


def _set_cause(value: Any, state: tuple[Any, Any, bool]) -> None:
    if state[0]:
        value.__setstate__(state[0])
    value.__cause__, value.__suppress_context__ = state[1:]


def _reduced_array(value: Any, numpy: Any) -> Any:
    """Save what pickle forgets of an array of a subclass: its attributes, a hard mask."""
    kind = type(value)
    masked = isinstance(value, numpy.ma.MaskedArray)
    if masked and value.hardmask and kind.__reduce__ is numpy.ma.MaskedArray.__reduce__:
        made, arguments, state = value.__reduce__()
        return made, arguments, state, None, None, _set_hard
    own = dict(getattr(value, "__dict__", None) or {})
    if masked or not own or kind.__reduce__ is not numpy.ndarray.__reduce__:
        return None
    made, arguments, state = value.__reduce__()
    return made, arguments, (state, own), None, None, _set_own


def _set_hard(array: Any, state: Any) -> None:
    array.__setstate__(state)
    array.harden_mask()


def _set_own(array: Any, state: tuple[Any, dict[str, Any]]) -> None:
    array.__setstate__(state[0])
    vars(array).update(state[1])


def _forgets_init(kind: type) -> bool:
    own = next((each for each in kind.__mro__ if "__init__" in vars(each)), None)
    return (
        isinstance(vars(own or kind).get("__init__"), types.FunctionType)
        and not _defines(kind, {"__reduce__", "__reduce_ex__"})
        and not issubclass(kind, _OWN_WAY)
    )


def _defines(kind: type, names: Set[str]) -> bool:
    """Tell whether a class, or one above it that is no builtin, defines one of some methods."""
    return any(names & vars(each).keys() for each in kind.__mro__ if _is_python(each))


def _is_python(kind: type) -> bool:
    return kind.__module__ != "builtins"


def _exception(kind: Any, arguments: tuple[Any, ...]) -> Any:
    made = kind.__new__(kind, *arguments)
    made.args = arguments
    return made
