"""What matplotlib keeps beside its options: what color letters mean, converters, colormaps.

``seaborn.set_theme()`` gives ``"b"`` another blue, ``register_matplotlib_converters()``
gives dates other ticks, and neither is an option.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from . import figures
from .when_imported import when_imported

_fonts: list[int] = []
"""How many fonts matplotlib knew when it was imported."""


def note_fonts() -> None:
    """Note which fonts matplotlib knows, as soon as it is imported: others were added."""
    when_imported(
        "matplotlib.font_manager", lambda module: _fonts.append(len(module.fontManager.ttflist))
    )


def snapshot() -> dict[str, Any]:
    """Return what differs, or may, from a process that has only imported matplotlib."""
    found: dict[str, Any] = {"inline": figures.INLINE in sys.modules, "backend": figures.backend()}
    colors: Any = sys.modules.get("matplotlib.colors")
    if colors is not None:
        found["colors"] = _changed(colors)
    units: Any = sys.modules.get("matplotlib.units")
    if units is not None:
        found["converters"] = [
            (kind, type(converter)) for kind, converter in units.registry.items()
        ]
    fonts: Any = getattr(sys.modules.get("matplotlib.font_manager"), "fontManager", None)
    if fonts is not None and _fonts:
        found["fonts"] = [entry.fname for entry in fonts.ttflist[_fonts[0] :]]
    colormaps: Any = getattr(sys.modules.get("matplotlib"), "colormaps", None)
    if colormaps is not None:
        built_in = getattr(colormaps, "_builtin_cmaps", ())
        names = [name for name in colormaps if name not in built_in]
        found["colormaps"] = {name: colormaps[name] for name in names}
    return found


def content_of(colormap: Any) -> tuple[Any, ...]:
    """Return the colors of a colormap; it makes its table of them only when they are asked for."""
    import numpy

    ends = [colormap.get_under(), colormap.get_over(), colormap.get_bad()]
    return (colormap.N, colormap(numpy.arange(colormap.N)).tobytes(), *(e.tobytes() for e in ends))


def _changed(colors: Any) -> dict[str, Any]:
    """Return the letters of colors, and the names that mean another one than at first."""
    usual: dict[str, Any] = {}
    for table in (colors.XKCD_COLORS, colors.TABLEAU_COLORS, colors.CSS4_COLORS):
        usual.update(table)
        usual.update((name.replace("grey", "gray"), color) for name, color in table.items())
    known = colors.colorConverter.colors
    return {name: color for name, color in known.items() if usual.get(name) != color}


def restore(state: dict[str, Any]) -> None:
    """Bring this process to the state of a snapshot."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if state.get("inline") and shell is not None:
        # It is loaded with the first figure; before, figures are displayed as text.
        importlib.import_module(figures.INLINE)
    if "colors" in state:
        known = importlib.import_module("matplotlib.colors").colorConverter.colors
        for name, color in state["colors"].items():
            if known.get(name) != color:
                known[name] = color
    if "converters" in state:
        registry = importlib.import_module("matplotlib.units").registry
        for kind, converter in state["converters"]:
            if type(registry.get(kind)) is not converter:
                registry[kind] = converter()
        for kind in registry.keys() - {kind for kind, _ in state["converters"]}:
            del registry[kind]
    for path in state.get("fonts", ()):
        manager = importlib.import_module("matplotlib.font_manager").fontManager
        if path not in {entry.fname for entry in manager.ttflist}:
            manager.addfont(path)
    colormaps = getattr(importlib.import_module("matplotlib"), "colormaps", None)
    for name, colormap in state.get("colormaps", {}).items():
        if colormaps is not None and (name not in colormaps or colormaps[name] != colormap):
            colormaps.register(colormap, name=name, force=True)
