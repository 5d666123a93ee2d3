"""How figures are shown, and those that are open: both go on in the next kernel.

``%matplotlib X`` and ``matplotlib.use`` choose a backend, ``%config InlineBackend`` says
what images it makes, and pyplot keeps what is drawn until it is closed.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PYPLOT = "matplotlib.pyplot"
INLINE = "matplotlib_inline.backend_inline"
_CONFIG = "config"
_TO_FILES = frozenset({"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"})
FIGURE = "Figure"
_SHOWN = ("float_precision", "pprint", "max_seq_length", "max_width")
_PLAIN = (bool, int, float, str, type(None))


def backend() -> dict[str, Any]:
    """Return which backend shows figures: ``{"name", "pyplot"}``, as JSON; empty for the usual."""
    parameters: Any = getattr(sys.modules.get("matplotlib"), "rcParams", None)
    name = dict.get(parameters, "backend") if parameters is not None else None
    if not isinstance(name, str):
        return {}  # not chosen yet
    return {"name": name, "pyplot": _PYPLOT in sys.modules}


def draws_a_file(chosen: dict[str, Any]) -> bool:
    """Tell whether figures are shown nowhere: ``matplotlib.use("Agg")`` and its like."""
    return str(chosen.get("name", "")).lower() in _TO_FILES


def use(shell: Any, chosen: dict[str, Any]) -> None:
    """Let the backend show figures that showed them in the kernel before."""
    if not chosen or chosen == backend():
        return
    matplotlib: Any = importlib.import_module("matplotlib")
    if chosen["pyplot"]:
        importlib.import_module(_PYPLOT)
    if dict.get(matplotlib.rcParams, "backend") == chosen["name"]:
        return
    if chosen["pyplot"]:
        importlib.import_module(_PYPLOT).switch_backend(chosen["name"])
    else:
        matplotlib.use(chosen["name"])
    importlib.import_module(INLINE).configure_inline_support(shell, chosen["name"])


def options(shell: Any) -> dict[str, dict[str, Any]]:
    """Return what ``%config``, ``%precision`` and ``%pprint`` may change.

    Returns:
        Class name -> option -> value.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in shell.configurables:
        values = {name: getattr(each, name, None) for name in each.trait_names(config=True)}
        plain = {name: value for name, value in values.items() if _is_plain(value)}
        found.setdefault(type(each).__name__, {}).update(plain)
    found[type(_text(shell)).__name__] = {
        name: getattr(_text(shell), name, None) for name in _SHOWN
    }
    # For what is not made yet, as the inline backend is with the first figure.
    found[_CONFIG] = {
        f"{kind}.{name}": value
        for kind, values in shell.config.items()
        for name, value in dict(values).items()
        if _is_plain(value)
    }
    return found


def _text(shell: Any) -> Any:
    """Return what shows values as text."""
    return shell.display_formatter.formatters["text/plain"]


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, (*value, *value.values())))
    return isinstance(value, _PLAIN)


def changed(
    now: dict[str, dict[str, Any]], first: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the options that are others now; of what came later, all."""
    found = {
        kind: {
            name: value
            for name, value in values.items()
            if name not in first.get(kind, {}) or first[kind][name] != value
        }
        for kind, values in now.items()
    }
    return {kind: values for kind, values in found.items() if values}


def configure(shell: Any, wanted: dict[str, dict[str, Any]]) -> None:
    """Set options as :func:`changed` found them in the kernel before."""
    for name, value in wanted.get(_CONFIG, {}).items():
        kind, _, option = name.partition(".")
        shell.config[kind][option] = value
    if "InlineBackend" in wanted:
        inline = importlib.import_module("matplotlib_inline.config").InlineBackend
        instance = inline.instance(parent=shell)
        instance.shell = shell
        if instance not in shell.configurables:
            shell.configurables.append(instance)
    for each in shell.configurables:
        _set(each, wanted)


def show_texts(shell: Any, wanted: dict[str, dict[str, Any]]) -> None:
    """Have values shown as :func:`changed` found it in the kernel before.

    This comes before numpy's own options, of which it sets one.
    """
    _set(_text(shell), wanted)


def _set(each: Any, wanted: dict[str, dict[str, Any]]) -> None:
    for name, value in wanted.get(type(each).__name__, {}).items():
        if getattr(each, name, None) != value:
            setattr(each, name, value)


def configured(shell: Any, first: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the options that ``%config`` made others than those that a kernel has.

    Args:
        shell: The kernel's shell.
        first: Its options when it started.
    """
    kinds = {type(each).__name__: type(each) for each in shell.configurables}
    later = {name: _defaults(kind) for name, kind in kinds.items() if name not in first}
    return changed(options(shell), {**first, **later})


def _defaults(kind: Any) -> dict[str, Any]:
    return {name: trait.default() for name, trait in kind.class_traits(config=True).items()}


def formatters(shell: Any) -> dict[str, dict[str, Any]]:
    """Return how figures, and what the notebook itself said how to show, are shown.

    Returns:
        MIME type -> name of the type that is shown -> what shows it.
    """
    found: dict[str, dict[str, Any]] = {}
    for mime, formatter in shell.display_formatter.formatters.items():
        # Asking sooner than IPython does would change what it knows of numpy's numbers.
        asked = formatter.trait_has_value("type_printers")
        for kind, show in formatter.type_printers.items() if asked else ():
            name = getattr(kind, "__name__", str(kind))
            module = str(getattr(kind, "__module__", ""))
            if isinstance(show, functools.partial) and module == "matplotlib.figure":
                found.setdefault(mime, {})[FIGURE] = (show.func.__name__, show.keywords)
            elif getattr(show, "__module__", None) in {None, "__main__"}:
                found.setdefault(mime, {})[f"{module}.{name}"] = show
    return found


def show_with(shell: Any, wanted: dict[str, dict[str, Any]]) -> None:
    """Have figures shown as :func:`formatters` found it in the kernel before."""
    if wanted == formatters(shell):
        return
    kind = importlib.import_module("matplotlib.figure").Figure
    tools = importlib.import_module("IPython.core.pylabtools")
    for mime, formatter in shell.display_formatter.formatters.items():
        formatter.type_printers.pop(kind, None)
        if FIGURE in wanted.get(mime, {}):
            name, options = wanted[mime][FIGURE]
            formatter.for_type(kind, functools.partial(getattr(tools, name), **options))


def opened() -> dict[str, Any]:
    """Return the figures that pyplot keeps open, to be saved with the variables."""
    if _PYPLOT not in sys.modules:
        return {}
    known: Any = sys.modules["matplotlib._pylab_helpers"].Gcf
    if not known.figs:
        return {}
    show: Any = getattr(sys.modules.get(INLINE), "show", None)
    return {
        "figures": [(number, each.canvas.figure) for number, each in known.figs.items()],
        "shown": (show._draw_called, list(show._to_draw)) if show is not None else None,
    }


@contextmanager
def unseen() -> Iterator[None]:
    """Show nothing when figures come back."""
    matplotlib: Any = sys.modules.get("matplotlib")
    is_interactive = matplotlib is not None and matplotlib.is_interactive()
    if is_interactive:
        matplotlib.interactive(False)
    try:
        yield
    finally:
        if is_interactive:
            matplotlib.interactive(True)


def reopen(found: dict[str, Any]) -> None:
    """Give open figures their numbers again; unpickling them opened them.

    Raises:
        ValueError: One is not open.
    """
    if not found:
        return
    known: Any = importlib.import_module("matplotlib._pylab_helpers").Gcf
    managers = {id(each.canvas.figure): each for each in known.figs.values()}
    kept: OrderedDict[int, Any] = OrderedDict()
    for number, figure in found["figures"]:
        if id(figure) not in managers:
            raise ValueError(f"the open figure {number} exists in one process only")
        manager = managers[id(figure)]
        manager.num = number
        kept[number] = manager  # the last one is the active one
    known.figs.clear()
    known.figs.update(kept)
    if found["shown"] is not None:
        show: Any = importlib.import_module(INLINE).show
        show._draw_called, show._to_draw = found["shown"]
