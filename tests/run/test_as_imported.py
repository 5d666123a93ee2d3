"""Which options count as a notebook's own, and which are what an import sets."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIBRARIES = (
    ("numpy", "scipy.stats", "pandas"),
    ("matplotlib.pyplot", "seaborn", "plotly.express"),
    ("sklearn.linear_model", "requests", "decimal"),
)

START = """
import os, sys, importlib
import locale, decimal  # IPython has them
from nbprod.run.kernel import ambient, loggers
loggers.note_start()
ambient.note_start()
began = dict(os.environ)

def options():
    return ambient.state_fingerprints(ambient.snapshot(began))["options"]

"""

CHANGES = (
    "import numpy; numpy.set_printoptions(precision=3)",
    "import numpy; numpy.seterr(all='raise')",
    "import pandas; pandas.set_option('display.precision', 3)",
    "import matplotlib; matplotlib.rcParams['lines.linewidth'] = 4",
    "import matplotlib.pyplot as plt; plt.ion()",
    "import matplotlib.colors as c; c.colorConverter.colors['b'] = 'red'",
    "import sklearn; sklearn.set_config(transform_output='pandas')",
    "import decimal; decimal.getcontext().prec = 5",
    "import decimal; decimal.getcontext().traps[decimal.Inexact] = True",
    "import warnings; warnings.simplefilter('ignore')",
    "import warnings; warnings.filterwarnings('ignore', message='x')",
    "import requests, logging; logging.getLogger('requests').setLevel('ERROR')",
    "import requests, logging; logging.getLogger('requests').handlers.clear()",
    "import logging; logging.getLogger('own').addHandler(logging.NullHandler())",
    "import os; os.environ['KMP_INIT_AT_FORK'] = 'TRUE'",
    "import os; os.environ['OMP_NUM_THREADS'] = '1'",
    "import pandas; pandas.set_option('styler.format.formatter', {'a': '{:.1f}'})",
    "import plotly.io as pio; pio.templates.default = 'plotly_dark'",
    "import plotly.io as pio; pio.renderers.default = 'json'",
    "import plotly.express as px; px.defaults.width = 300",
    "import matplotlib as m; from matplotlib.colors import ListedColormap as L;"
    " m.colormaps.register(L(['red', 'blue']), name='brand')",
)


def check(code: str) -> None:
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("names", LIBRARIES, ids=", ".join)
def test_importing_a_library_changes_no_options(names: tuple[str, ...]) -> None:
    code = f"first = options()\nfor name in {names}:\n"
    code += "    importlib.import_module(name)\n    assert options() == first, name\n"
    check(START + code)


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_notebook_sets_is_a_change(change: str) -> None:
    check(f"{START}first = options()\n{change}\nassert options() != first\n")


def test_what_a_module_of_the_notebooks_own_sets_is_a_change(tmp_path) -> None:
    (tmp_path / "quiet.py").write_text("import warnings; warnings.filterwarnings('ignore', 'x')")
    code = f"first = options()\nsys.path.insert(0, {str(tmp_path)!r})\nbegan_path = options()\n"
    check(f"{START}{code}import quiet\nassert options() != began_path\n")


def test_a_matplotlibrc_is_a_change(tmp_path) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 4")
    code = f"os.environ['MATPLOTLIBRC'] = {str(tmp_path)!r}\nfirst = options()\n"
    check(f"{START}{code}import matplotlib\nassert options() != first\n")


def test_libraries_that_repeat_filters_for_a_while_change_nothing() -> None:
    # scikit-learn does, for each tree that it fits.
    code = "from sklearn.ensemble import RandomForestClassifier\nfirst = options()\n"
    code += "RandomForestClassifier(2).fit([[1], [2]], [0, 1])\nassert options() == first\n"
    check(f"import random\n{START}{code}")
