"""What importing a library sets is no change of options that a notebook makes.

Otherwise a step beside another one that imports matplotlib would run under options that
it does not have by itself, and a new cell that imports something would make all the later
ones run again. So fingerprints of a process's state hold what differs from a process that
has only imported what is loaded.
"""

from __future__ import annotations

import decimal
import logging
import sys
from collections.abc import Callable
from typing import Any

from . import figures, loggers, plotting

_ABSENT = object()
_NOTHING = {"kind": "null", "level": 0, "formatter": None, "handler": None}

# Print options and error handling of numpy, once imported.
_PRINT = {
    "edgeitems": 3,
    "threshold": 1000,
    "floatmode": "maxprec",
    "precision": 8,
    "suppress": False,
    "linewidth": 75,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "formatter": None,
    "legacy": False,
    "override_repr": None,
}
_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}

# How the inline backend has IPython show figures.
_PNG = ("print_figure", {"fmt": "png", "base64": True, "bbox_inches": "tight"})

# OpenMP's, for which threadpoolctl and scikit-learn ask when they are imported.
_VARIABLES = {"KMP_DUPLICATE_LIB_OK": "True", "KMP_INIT_AT_FORK": "FALSE"}


def left_out(state: dict[str, Any]) -> dict[str, Any]:
    """Return a snapshot's state without what imports alone have set."""
    found = dict(state)
    for name, rest in _PARTS.items():
        if name in found:
            found[name] = rest(found[name])
            if not found[name]:
                del found[name]
    imported = [each for each in state.get("imported", ()) if _concerns_one_library(each)]
    found["warnings"] = [each for each in state["warnings"] if each not in imported]
    return found


def _other(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in values.items() if not _equal(value, usual.get(name, _ABSENT))
    }


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _numpy(options: dict[str, Any]) -> dict[str, Any]:
    parts = {
        "print": _other(options["print"], _PRINT),
        "errors": _other(options["errors"], _ERRORS),
    }
    return {name: part for name, part in parts.items() if part}


def _sklearn(options: dict[str, Any]) -> dict[str, Any]:
    # Threads begin with a copy of it, and nobody changes it.
    usual: Any = getattr(sys.modules.get("sklearn._config"), "_global_config", {})
    return _other(options, usual)


def _matplotlib(options: dict[str, Any]) -> dict[str, Any]:
    # Not what a matplotlibrc says: who edits that has other options.
    usual: Any = getattr(sys.modules.get("matplotlib"), "rcParamsDefault", {})
    # The inline backend turns it on, once it is loaded with the first figure.
    first = {"interactive": figures.INLINE in sys.modules}
    return _other(options, {**dict(dict.items(usual)), **first})


def _decimal(context: Any) -> str:
    # Its flags tell what happened, not what is set.
    now, first = (repr(each).partition(", flags")[0] for each in (context, decimal.Context()))
    traps = [kind for kind, on in context.traps.items() if on]
    usual = [kind for kind, on in decimal.Context().traps.items() if on]
    return "" if now == first and traps == usual else repr((now, traps))


def _environment(changes: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in changes["set"].items() if _VARIABLES.get(name) != value}
    return {**changes, "set": kept}


def _logging(state: dict[str, Any]) -> dict[str, Any]:
    found = loggers.without_objects(state)
    quiet, others = found.pop("quiet"), found["loggers"]
    for name in quiet:
        usual = (logging.NOTSET, True, [_NOTHING])
        if others.get(name, ()) == usual:
            del others[name]
        elif name not in others:
            others[name] = "nothing, not even what its import gave it"
    return found


def _concerns_one_library(item: tuple[Any, ...]) -> bool:
    """Tell whether a filter of warnings is of no concern to others than who added it."""
    _action, message, category, module, _line = item
    return bool(message or module or category.__module__ != "builtins")


def _plotting(state: dict[str, Any]) -> dict[str, Any]:
    # Plots of pandas register converters: no change of options.
    colors = dict(state.get("colors", {}))
    usual: Any = getattr(sys.modules.get("matplotlib.colors"), "BASE_COLORS", {})
    # Importing seaborn registers its own.
    seaborns = vars(sys.modules["seaborn.cm"]) if "seaborn.cm" in sys.modules else {}
    colormaps = {
        name: plotting.content_of(colormap) for name, colormap in state.get("colormaps", {}).items()
    }
    known = {name: plotting.content_of(seaborns[name]) for name in colormaps if name in seaborns}
    found = {"colors": _other(colors, {**usual, "tab:grey": "#7f7f7f"})}
    found["colormaps"] = _other(colormaps, known)
    return {name: part for name, part in found.items() if part}


def _shown(formatters: dict[str, Any]) -> dict[str, Any]:
    return _other(formatters, {"image/png": {figures.FIGURE: _PNG}})


_PARTS: dict[str, Callable[[Any], Any]] = {
    "pandas": dict,
    "numpy": _numpy,
    "sklearn": _sklearn,
    "matplotlib": _matplotlib,
    "plotting": _plotting,
    "formatters": _shown,
    "decimal": _decimal,
    "environment": _environment,
    "logging": _logging,
}
