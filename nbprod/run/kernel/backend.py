"""The matplotlib backend ``module://_nbprod_kernel.backend``; matplotlib imports it."""

from typing import Any

from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.figure import Figure

from .drawn import note_figure, show

__all__ = [
    "FigureCanvas",
    "FigureManager",
    "new_figure_manager",
    "new_figure_manager_given_figure",
    "show",
]


def new_figure_manager(
    number: int,
    *arguments: Any,
    FigureClass: type[Figure] = Figure,
    **options: Any,
) -> FigureManager:
    """Make a figure that pyplot manages."""
    return new_figure_manager_given_figure(number, FigureClass(*arguments, **options))


def new_figure_manager_given_figure(number: int, figure: Figure) -> FigureManager:
    """Let pyplot manage a figure."""
    note_figure()
    return FigureManager(FigureCanvas(figure), number)
