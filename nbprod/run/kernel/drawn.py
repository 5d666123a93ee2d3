"""What a step shows: figures and displayed values, noted as a notebook would show them.

A matplotlib backend of its own (``module://_nbprod_kernel.backend``): as Jupyter's inline
backend does, it draws all open figures when they are shown, with a tight frame, and
closes them.
"""

from __future__ import annotations

import base64
import importlib
import sys
from typing import Any

BACKEND = "module://_nbprod_kernel.backend"

figures: list[bytes | None] = []
"""Each figure shown, as an image; ``None`` for one that could not be drawn."""

texts: list[str] = []
"""The text of each value that ``display()`` was called with, pictures left out."""

_places: dict[str, list[tuple[list[Any], int]]] = {}
"""Where what has a ``display_id`` is among the figures and texts."""

forms: list[str] = []
"""For each figure that the notebook showed, in what form: see :mod:`nbprod.run.shown`."""


_is_due = False
"""The end of the cell shows figures."""

_is_first = True
"""The notebook has not drawn before."""


def show(*_: Any, **__: Any) -> None:
    """Draw and close all open figures; matplotlib calls it for ``plt.show()``."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    managers: Any = importlib.import_module("matplotlib._pylab_helpers").Gcf
    for manager in managers.get_all_fig_managers():
        figure = manager.canvas.figure
        if figure.axes or figure.lines:
            _draw(figure)
        else:
            texts.append(repr(figure))  # there is no picture of it, only what it is
    pyplot.close("all")


def note_figure() -> None:
    """Note that a figure is made; one that is made interactively is shown when the cell ends.

    Jupyter's backend is loaded with the first figure, and makes matplotlib interactive then.
    """
    global _is_due, _is_first
    matplotlib: Any = importlib.import_module("matplotlib")
    if _is_first:
        matplotlib.interactive(True)
        _is_first = False
    if matplotlib.is_interactive():
        _is_due = True


def end_cell() -> None:
    """Show what is still open, as the end of a cell does; see ``flush_figures`` in Jupyter's."""
    global _is_due
    if _is_due:
        show()
        _is_due = False


def _draw(figure: Any) -> None:
    if not figure.axes and not figure.lines:
        return
    tools: Any = importlib.import_module("IPython.core.pylabtools")
    place = len(figures)
    try:
        form = forms[place] if place < len(forms) else "png"
        if form == "retina":
            drawn = tools.retina_figure(figure)
            figures.append(drawn[0] if drawn else None)
        else:
            drawn = tools.print_figure(figure, form)
            figures.append(drawn.encode() if isinstance(drawn, str) else drawn)
    except Exception:
        figures.append(None)


def display(*values: Any, display_id: Any = None, update: bool = False, **_: Any) -> Any:
    """Stand in for IPython's ``display()``; what has an id can be updated where it stands."""
    functions: Any = importlib.import_module("IPython.core.display_functions")
    handle = functions.DisplayHandle(None if display_id is True else display_id)
    for value in values:
        shown, content = _content(value)
        places = _places.setdefault(handle.display_id, [])
        if update:
            for known, place in places:
                if known is shown:
                    known[place] = content
            continue
        shown.append(content)
        if display_id:
            places.append((shown, len(shown) - 1))
    return handle if display_id else None


def _content(value: Any) -> tuple[list[Any], Any]:
    """Return the list that a displayed value belongs into, and what of it."""
    figure_module: Any = sys.modules.get("matplotlib.figure")
    if figure_module is not None and isinstance(value, figure_module.Figure):
        count = len(figures)
        _draw(value)
        if len(figures) > count:
            return figures, figures.pop()
    formatters: Any = importlib.import_module("IPython.core.formatters")
    found = formatters.DisplayFormatter().format(value, include={"text/plain", *_PICTURES})[0]
    for kind in _PICTURES:
        if kind in found:
            return figures, _picture(kind, found[kind])
    return texts, str(found.get("text/plain", ""))


_PICTURES = ("image/png", "image/svg+xml", "image/jpeg")


def _picture(kind: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return content.encode() if kind.endswith("xml") else base64.b64decode(content)


def forget_captured() -> None:
    """Let IPython's ``capture_output`` swallow what is shown, as it does in a notebook."""
    capture: Any = importlib.import_module("IPython.utils.capture").capture_output
    enter, leave = capture.__enter__, capture.__exit__
    counts: list[tuple[bool, int, int]] = []

    def entered(self: Any) -> Any:
        counts.append((self.display, len(figures), len(texts)))
        return enter(self)

    def left(self: Any, *error: Any) -> None:
        leave(self, *error)
        display, drawn, told = counts.pop()
        if display:
            del figures[drawn:], texts[told:]

    capture.__enter__, capture.__exit__ = entered, left


def begin(wanted: list[str], *, interactive: bool | None = None) -> None:
    """Forget what was shown so far, and draw here from now on.

    Args:
        wanted: For each figure of the notebook, its form.
        interactive: Whether figures are shown when a cell ends; ``None`` if the notebook has
            not drawn before.
    """
    global _is_due, _is_first
    figures.clear()
    texts.clear()
    _places.clear()
    forms[:] = wanted
    _is_due = False
    _is_first = interactive is None
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    matplotlib: Any = sys.modules.get("matplotlib")
    if pyplot is not None and matplotlib.get_backend() != BACKEND:
        pyplot.switch_backend(BACKEND)
    if matplotlib is not None:
        matplotlib.interactive(bool(interactive))
