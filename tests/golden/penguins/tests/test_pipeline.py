"""Tests of the pipeline made from a notebook: `pytest` in the project's folder runs them."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

from penguins import steps
from penguins.parameters import Parameters
from penguins.pipeline import Results, run

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOK = "penguins.ipynb"
# What the steps read, relative to the notebook's folder.
DATA: list[str] = ["data/penguins.csv"]


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
    assert arguments(steps.load_data) == ([], ["data", "seed"])


def test_step_explore() -> None:
    assert arguments(steps.explore) == (["penguins"], [])


def test_step_training_set_test_set() -> None:
    assert arguments(steps.training_set_test_set) == (["penguins", "MEASURES", "TRAITS"], ["seed"])


def test_step_two_candidates() -> None:
    assert arguments(steps.two_candidates) == (
        ["MEASURES", "TRAITS", "birds_train", "species_train"],
        ["folds", "C", "seed"],
    )


def test_step_choice() -> None:
    assert arguments(steps.choice) == (
        ["candidates", "birds_train", "species_train", "birds_test"],
        [],
    )


def test_step_birds_never_seen() -> None:
    assert arguments(steps.birds_never_seen) == (
        ["species_test", "guessed", "classifier", "birds_test"],
        [],
    )


def test_parameters_default_to_the_values_of_the_notebook() -> None:
    parameters = Parameters()
    assert parameters.data == "data/penguins.csv"
    assert isinstance(parameters.data, str)
    assert parameters.folds == 5
    assert isinstance(parameters.folds, int)
    assert parameters.C == 1.0
    assert isinstance(parameters.C, float)
    assert parameters.seed == 2007
    assert isinstance(parameters.seed, int)


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
