"""Small notebooks for whole-command tests, and a place where nothing of the user's is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def write_notebook(path: Path, *cells: str | tuple[str, list[str]], **metadata) -> Path:
    """Write a notebook; a cell is its source, or (source, tags); '# ' starts markdown."""
    written = []
    for number, cell in enumerate(cells, start=1):
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        kind = "markdown" if source.startswith("# ") and not tags else "code"
        document = {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": {"tags": tags} if tags else {},
            "source": source,
        }
        if kind == "code":
            document |= {"execution_count": None, "outputs": []}
        written.append(document)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": written,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}} | metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


MODEL_CELLS = (
    "# A small model\nEnough to deploy.",
    ("test_size: float = 0.25  # share of rows held back\nseed = 3", ["parameters"]),
    (
        "import pandas as pd\n"
        "from sklearn.datasets import load_iris\n"
        "iris = load_iris(as_frame=True)\n"
        "data = iris.frame.rename(columns=lambda name: name.replace(' (cm)', ''))",
        ["step:load"],
    ),
    (
        "from sklearn.model_selection import train_test_split\n"
        "train, test = train_test_split(data, test_size=test_size, random_state=seed)",
        ["step:split"],
    ),
    (
        "from sklearn.linear_model import LogisticRegression\n"
        "model = LogisticRegression(max_iter=500)\n"
        "model.fit(train.drop(columns='target'), train['target'])",
        ["step:train"],
    ),
    (
        "accuracy = float(model.score(test.drop(columns='target'), test['target']))\n"
        "print('accuracy', round(accuracy, 3))",
        ["step:evaluate", "metrics"],
    ),
)


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """An empty folder with state folders of its own, as current directory."""
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "True")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def nbprod(*arguments, timeout=400, within=(), **options) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own, by the command ``within`` if given."""
    return subprocess.run(
        [*within, sys.executable, "-m", "nbprod", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | options.pop("env", {}),
        **options,
    )
