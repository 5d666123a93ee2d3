"""The matplotlib backend ``module://_nbprod_kernel.backend``; matplotlib imports it."""

from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

from .drawn import show

__all__ = ["FigureCanvas", "FigureManager", "show"]
