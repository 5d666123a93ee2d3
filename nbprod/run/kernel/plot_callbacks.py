"""What matplotlib calls when something that it has drawn changes.

A colour bar follows its image, and limits that axes share follow each other, since one has
connected a method to the other. Saved by matplotlib, most of these connections are dropped.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from . import reductions

# What shows figures connects itself, in the process that shows them.
_OF_THE_DISPLAY = (
    *("matplotlib.backend", "matplotlib._pylab", "matplotlib.pyplot", "matplotlib.widgets"),
    *("matplotlib_inline", "ipympl"),
)


def reduce(value: Any) -> Any:
    """Reduce a registry of callbacks, connections included.

    Returns:
        What a pickler's ``reducer_override`` returns, or ``None`` for any other value.
    """
    kind = getattr(sys.modules.get("matplotlib.cbook"), "CallbackRegistry", None)
    if kind is None or type(value) is not kind:
        return None
    connected = {
        signal: {number: function() for number, function in functions.items()}
        for signal, functions in value.callbacks.items()
    }
    kept = {
        signal: {
            number: function
            for number, function in functions.items()
            if number in value._pickled_cids or _travels(function)
        }
        for signal, functions in connected.items()
    }
    state = {**vars(value), "callbacks": kept, "_func_cid_map": None}
    state["_cid_gen"] = reductions.counted(value._cid_gen)[0]  # matplotlib's own takes one
    return kind.__new__, (kind,), state


def _travels(function: Any) -> bool:
    """Tell whether a function has to be called in another process, too; gone ones don't.

    Functions of matplotlib's own that are no methods stand between a figure and its window.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, types.MethodType):
        return not type(function.__self__).__module__.startswith(_OF_THE_DISPLAY)
    module = str(getattr(function, "__module__", ""))
    return function is not None and not module.startswith(("matplotlib.", *_OF_THE_DISPLAY))
