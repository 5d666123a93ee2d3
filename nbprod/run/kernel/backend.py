"""The matplotlib backend ``module://_nbprod_kernel.backend``; matplotlib imports it."""

import matplotlib
from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

from .drawn import show

# A notebook's figures need no plt.show().
matplotlib.interactive(True)

__all__ = ["FigureCanvas", "FigureManager", "show"]
