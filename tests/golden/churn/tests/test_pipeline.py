"""Tests of the pipeline made from a notebook: `pytest` in the project's folder runs them."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

from churn import steps
from churn.parameters import Parameters
from churn.pipeline import Results, run

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOK = "churn.ipynb"
# What the steps read, relative to the notebook's folder.
DATA: list[str] = ["data/churn.csv"]


def arguments(step: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """Return the variables that a step takes, and the parameters."""
    given = inspect.signature(step).parameters.values()
    keywords = [each.name for each in given if each.kind is each.KEYWORD_ONLY]
    return [each.name for each in given if each.name not in keywords], keywords


def notebook_folder() -> Path | None:
    """Return the folder that relative paths count from, if the data is at hand."""
    folders = [PROJECT.parent, PROJECT]
    note = PROJECT / ".nbprod" / "source.json"
    if note.is_file():
        source = json.loads(note.read_text(encoding="utf-8"))
        folders.append(Path(source["notebook"]).parent)
    for folder in folders:
        if all((folder / path).is_file() for path in DATA or [NOTEBOOK]):
            return folder
    return None


def test_step_load_data() -> None:
    assert arguments(steps.load_data) == ([], ["data_path"])


def test_step_explore() -> None:
    assert arguments(steps.explore) == (["customers"], [])


def test_step_prepare() -> None:
    assert arguments(steps.prepare) == (["customers"], ["drop_charges"])


def test_step_split() -> None:
    assert arguments(steps.split) == (["features", "target"], ["test_size", "random_state"])


def test_step_train() -> None:
    assert arguments(steps.train) == (
        ["X_train", "y_train"],
        ["random_state", "n_estimators", "max_depth", "min_samples_leaf"],
    )


def test_step_evaluate() -> None:
    assert arguments(steps.evaluate) == (["model", "X_test", "y_test"], [])


def test_step_plots() -> None:
    assert arguments(steps.plots) == (["y_test", "predicted", "probability", "model"], [])


def test_parameters_default_to_the_values_of_the_notebook() -> None:
    parameters = Parameters()
    assert parameters.data_path == "data/churn.csv"
    assert isinstance(parameters.data_path, str)
    assert parameters.test_size == 0.2
    assert isinstance(parameters.test_size, float)
    assert parameters.random_state == 7
    assert isinstance(parameters.random_state, int)
    assert parameters.n_estimators == 120
    assert isinstance(parameters.n_estimators, int)
    assert parameters.max_depth == 14
    assert isinstance(parameters.max_depth, int)
    assert parameters.min_samples_leaf == 3
    assert isinstance(parameters.min_samples_leaf, int)
    assert parameters.drop_charges is True
    assert isinstance(parameters.drop_charges, bool)


def test_the_whole_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = notebook_folder()
    if folder is None:
        pytest.skip(f"not found near {PROJECT}: {', '.join(DATA or [NOTEBOOK])}")
    matplotlib.use("Agg")
    monkeypatch.setattr(pyplot, "show", lambda *_, **__: pyplot.close("all"))  # as in a notebook
    monkeypatch.chdir(folder)
    results = run()
    assert isinstance(results, Results)
    missing = [name for name, value in vars(results).items() if value is None]
    assert not missing
