"""Constructs that real notebooks have and that once went wrong, in one notebook of our own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.workflows.convert import ConvertRequest, convert
from nbprod.workflows.verify import VerifyRequest, verify

pytestmark = pytest.mark.slow

CELLS = (
    "%matplotlib inline\nimport numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
    "from shapes.square import area",
    # Neither is an option of matplotlib's: what "b" means, and the ticks of classic color bars.
    "import seaborn as sns\nsns.set_theme()\nplt.style.use('classic')",
    "frame = pd.DataFrame({'x': np.arange(12.0), 'y': np.arange(12.0) % 5})",
    "print(frame.shape)",
    # Both draw on the current axes, which must be new ones for the second.
    "frame[['x', 'y']].boxplot(figsize=(3, 2))",
    "frame[['y']].boxplot(figsize=(3, 2))",
    # What draws need not look like it: a function of the author's own, one of a library.
    "def look(values):\n    return plt.gca().plot(values)",
    "look([1, 2])",
    "plt.plot([1, 3], 'b')\nplt.imshow([[1, 2], [3, 9]])\nplt.colorbar()\nplt.clim(0, 1)",
    "from sklearn.inspection import PartialDependenceDisplay\nlook([3, 1]);",
    "from sklearn.datasets import load_iris\nfrom sklearn.linear_model import LinearRegression",
    "iris = load_iris()\nprint(iris.data.shape)",
    "scale = lambda v: v * frame['x'].max()",
    "def rate(v):\n    unused = 1\n    return v / 2",
    "model = LinearRegression().fit(frame[['x']], rate(frame['y']))",
    "def rate(v, by):\n    return v / by",
    # What a function keeps between calls makes it a variable; the run observes its fit.
    "def refit(x, y, kept=[]):\n    kept.append(LinearRegression().fit(x, y).score(x, y))\n"
    "    return kept",
    "print(refit(frame[['x']], frame['y']))\nsteps = LinearRegression()",
    "steps.fit(frame[['x']], frame['y'])\nprint(refit(frame[['y']], frame['x']))",
    "I = np.eye(2)\nmodel.score(frame[['x']], frame['y'])",
    "print(I)\nrated = rate(model.coef_, 3)\nprint(rated, area(2), iris.target_names)",
)

MODULE = """\
from IPython import get_ipython

get_ipython().run_line_magic("matplotlib", "inline")


def area(side):
    return side * side
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Write the notebook; its code cells lack outputs and execution counts, as some do."""
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in CELLS]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    path = tmp_path / "wild.ipynb"
    path.write_text(json.dumps(document))
    package = tmp_path / "shapes"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "square.py").write_text(MODULE)
    # Comes along with the package though nothing imports it, and is not ours to lint.
    (package / "drawing.py").write_text("import os,sys\nl = lambda : 1\n")
    return path


def test_constructs_of_real_notebooks_give_the_same_results(notebook: Path) -> None:
    result = verify(VerifyRequest(notebook))
    assert result.equivalent, json.dumps(result.as_json(), indent=1)


def test_constructs_of_real_notebooks_pass_the_projects_own_checks(notebook: Path) -> None:
    # What asks for a notebook's shell works in kernels and when replayed, not under pytest.
    (notebook.parent / "shapes" / "square.py").write_text(MODULE.partition("\n\n\n")[2])
    project = notebook.parent / "wild_pipeline"
    convert(ConvertRequest(notebook, project))
    for command in (["ruff", "check", "."], ["mypy"], ["pytest", "-q"]):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
