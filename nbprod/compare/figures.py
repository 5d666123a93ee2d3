"""matplotlib figures, by what they show; matplotlib is loaded by their owner."""

from __future__ import annotations

import sys
from typing import Any

from nbprod.compare.walk import NotComparableError, Walk

_DPI = 72


def is_artist(value: Any) -> bool:
    """Tell whether ``value`` is a figure, or something drawn in one."""
    artist: Any = sys.modules.get("matplotlib.artist")
    if artist is not None and isinstance(value, artist.Artist):
        return True
    container: Any = sys.modules.get("matplotlib.container")
    bar: Any = sys.modules.get("matplotlib.colorbar")
    return (container is not None and isinstance(value, container.Container)) or (
        bar is not None and isinstance(value, bar.Colorbar)
    )


def artist_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare the pixels of two figures, or of the figures that two artists stand in."""
    first, second = _figure_of(one), _figure_of(other)
    if (first is None) != (second is None):
        return "only one of them is part of a figure"
    if first is None:
        raise NotComparableError(f"a {type(one).__name__} outside a figure")
    if first is not one and walk.met_before(first, second):
        return ""
    pixels = _pixels(first), _pixels(second)
    if pixels[0].shape != pixels[1].shape:
        height, width = pixels[0].shape[:2]
        wanted_height, wanted_width = pixels[1].shape[:2]
        return f"{width} by {height} pixels vs {wanted_width} by {wanted_height}"
    different = (pixels[0] != pixels[1]).any(axis=2)
    if not different.any():
        return ""
    share = different.mean()
    return f"{int(different.sum()):,} pixels differ ({share:.1%} of the figure)"


def _figure_of(artist: Any) -> Any:
    parts = artist if isinstance(artist, tuple) else [getattr(artist, "ax", None)]
    for holder in (artist, *parts):  # a container's artists, a colour bar's axes
        if hasattr(type(holder), "get_figure"):
            try:
                return holder.get_figure(root=True)
            except TypeError:  # matplotlib before 3.10
                return holder.get_figure()
    return None


def _pixels(figure: Any) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    numpy: Any = sys.modules["numpy"]
    canvas, dpi = figure.canvas, figure.dpi
    try:
        figure.set_dpi(_DPI)
        drawn: Any = FigureCanvasAgg(figure)
        drawn.draw()
        return numpy.asarray(drawn.buffer_rgba()).copy()
    finally:
        figure.set_dpi(dpi)
        figure.set_canvas(canvas)
