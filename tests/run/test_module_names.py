"""Names of the generated package's modules are found wherever a run shows or keeps them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from nbprod.run.kernel import namespace
from nbprod.run.module_names import Mention, mentions, modules_of


def output_with(path: Path, *outputs: dict[str, object]) -> Path:
    """Write an output notebook of one cell."""
    cell = {"metadata": {"tags": ["step:show"]}, "outputs": outputs}
    path.write_text(json.dumps({"cells": [cell]}))
    return path


@pytest.mark.parametrize(
    "shown",
    [
        {"name": "stdout", "text": ["<class 'churn.definitions.Model'>\n"]},
        {"data": {"text/html": "<b>churn.definitions.Model</b>"}},
    ],
)
def test_what_a_step_shows_is_looked_at(tmp_path: Path, shown: dict[str, object]) -> None:
    """Printed or displayed, the name is told with the one that the notebook has."""
    output = output_with(tmp_path / "out.ipynb", shown)
    (found,) = mentions("churn", output, set())
    assert found == Mention("what step show shows", "churn.definitions.Model")
    assert found.original == "__main__.Model"


@pytest.mark.parametrize(
    "shown",
    [
        {"name": "stdout", "text": "the churn.csv, churn/steps.py, my_churn.steps, churn.stepsize"},
        {"name": "stderr", "text": "churn.definitions: a warning"},
        {"data": {"image/png": "churn.definitions"}},
    ],
)
def test_other_names_are_none(tmp_path: Path, shown: dict[str, object]) -> None:
    """Files, other packages, pictures and warnings name no class."""
    output = output_with(tmp_path / "out.ipynb", shown)
    assert not list(mentions("churn", output, set()))


def test_files_are_looked_at_but_for_pickles(tmp_path: Path) -> None:
    """Who loads a pickle gets the class; who reads a text gets its name."""
    output = output_with(tmp_path / "out.ipynb")
    text, pickled = tmp_path / "names.txt", tmp_path / "model.pkl"
    text.write_text("one\n[churn.steps.train.<locals>.Net]")
    pickled.write_bytes(pickle.dumps("churn.definitions.Model"))
    written = {str(text), str(pickled), str(tmp_path / "gone.txt")}
    assert list(mentions("churn", output, written)) == [
        Mention("the file names.txt", "churn.steps.train")
    ]


def test_texts_and_bytes_of_variables_are_looked_at() -> None:
    """Containers too, also those that hold themselves."""
    deep: dict[str, object] = {"a": [(b"x churn.definitions\nModel",)]}
    deep["self"] = deep
    variables = {"deep": deep, "plain": ["churn"], "text": "churn.steps.f", "number": 3}
    assert namespace.naming(variables, modules_of("churn")) == {
        "deep": "churn.definitions",
        "text": "churn.steps",
    }
    assert namespace.naming(variables, ()) == {}
