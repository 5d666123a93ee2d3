"""Which names are taken for metrics in a notebook that tags none."""

import json

import pytest

from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build

HELPER = (
    "import numpy as np\nfrom sklearn.metrics import mean_squared_error, r2_score\n"
    "def rmse_of(y, p):\n    return float(np.sqrt(mean_squared_error(y, p)))\n"
    "def both(y, p):\n    return {'y': y, 'p': p}"
)


def metrics_of(*cells: str, tags: tuple[str, ...] = ()) -> list[str]:
    """Build a notebook of ``cells``, the last one with ``tags``; return its metrics."""
    written = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": list(tags)} if number == len(cells) - 1 else {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(cells)
    ]
    document = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    pipeline, diagnostics = build(read_notebook_text(json.dumps(document)))
    assert pipeline is not None, diagnostics
    return [name for step in pipeline.steps for name in step.metrics]


@pytest.mark.parametrize(
    ("statement", "metrics"),
    [
        ("fit = rmse_of(y, p)", ["fit"]),
        ("fit = round(rmse_of(y, p), 2)", ["fit"]),
        ("quality = r2_score(y, p)", ["quality"]),
        ("test_rmse = ((y - p) ** 2).mean() ** 0.5", ["test_rmse"]),
        ("table = both(y, p)", []),
        ("rmse = []", []),
        ("total = y.sum()", []),
    ],
)
def test_scores_are_recognised_by_what_computes_them(statement, metrics):
    cells = (HELPER, "y = np.arange(4.0)\np = y + 1", statement)
    assert metrics_of(*cells) == metrics


def test_a_tag_leaves_nothing_to_be_inferred():
    cells = (HELPER, "y = np.arange(4.0)\np = y + 1\nrmse = rmse_of(y, p)", "top = float(y.max())")
    assert metrics_of(*cells, tags=("metrics",)) == ["top"]
