"""Tests of the pipeline made from a notebook: `pytest` in the project's folder runs them."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

from house_prices import steps
from house_prices.parameters import Parameters
from house_prices.pipeline import Results, run

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOK = "house_prices.ipynb"
# What the steps read, relative to the notebook's folder.
DATA: list[str] = ["data/house_prices.csv"]


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


def test_step_prepare() -> None:
    assert arguments(steps.prepare) == ([], [])


def test_step_load_data() -> None:
    assert arguments(steps.load_data) == ([], [])


def test_step_exploration() -> None:
    assert arguments(steps.exploration) == (["df"], [])


def test_step_cleaning() -> None:
    assert arguments(steps.cleaning) == (["df"], [])


def test_step_features() -> None:
    assert arguments(steps.features) == (["df"], [])


def test_step_train_test_split_scaling() -> None:
    assert arguments(steps.train_test_split_scaling) == (["df"], [])


def test_step_build_features() -> None:
    assert arguments(steps.build_features) == (["X_train", "X_test"], [])


def test_step_two_models() -> None:
    assert arguments(steps.two_models) == (
        ["X_train_scaled", "y_train", "X_test_scaled", "y_test"],
        [],
    )


def test_step_train_model() -> None:
    assert arguments(steps.train_model) == (["X_train_scaled", "y_train", "X_test_scaled"], [])


def test_step_evaluate_model() -> None:
    assert arguments(steps.evaluate_model) == (["y_test", "y_pred", "ridge_pred", "gbr_pred"], [])


def test_step_where_is_it_wrong() -> None:
    assert arguments(steps.where_is_it_wrong) == (["y_test", "y_pred", "final_model", "X"], [])


def test_step_evaluate_houses() -> None:
    assert arguments(steps.evaluate_houses) == (["X_test", "final_model", "scaler", "y_test"], [])


def test_parameters_default_to_the_values_of_the_notebook() -> None:
    parameters = Parameters()
    assert vars(parameters) == {}


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
