"""Names of the generated package's modules are found wherever a run shows or keeps them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from nbprod.run.kernel import namespace
from nbprod.run.module_names import Mention, locals_of, mentions, name_pattern


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


def test_functions_without_a_name(tmp_path: Path) -> None:
    """The text of a ``defaultdict`` names the function that makes its values."""
    text = "defaultdict(<function vocabulary.<locals>.<lambda> at 0x7f>, {'a': 1})"
    output = output_with(tmp_path / "out.ipynb", {"name": "stdout", "text": text})
    (found,) = mentions("churn", output, set(), locals_of(["vocabulary"], ()))
    assert found.name == "vocabulary.<locals>.<lambda>"
    assert found.original == "<lambda>"


def test_files_are_looked_at_but_for_pickles(tmp_path: Path) -> None:
    """Who loads a pickle gets the class; who reads a text gets its name."""
    output = output_with(tmp_path / "out.ipynb")
    text, pickled = tmp_path / "names.txt", tmp_path / "model.pkl"
    text.write_text("one\n[churn.steps.train.<locals>.Net]")
    pickled.write_bytes(pickle.dumps("churn.definitions.Model"))
    written = {str(text), str(pickled), str(tmp_path / "gone.txt")}
    assert list(mentions("churn", output, written)) == [
        Mention("the file names.txt", "churn.steps.train.<locals>.Net")
    ]


def test_texts_and_bytes_of_variables_are_looked_at() -> None:
    """Containers too, also those that hold themselves."""
    deep: dict[str, object] = {"a": [(b"x churn.definitions\nModel",)]}
    deep["self"] = deep
    variables = {"deep": deep, "plain": ["churn"], "text": "churn.steps.f", "number": 3}
    assert namespace.naming(variables, name_pattern("churn")) == {
        "deep": "churn.definitions",
        "text": "churn.steps.f",
    }
    assert namespace.naming(variables, "") == {}


@pytest.mark.parametrize(
    ("text", "name", "original"),
    [
        ("train.<locals>.Net(rate=0.5)", "train.<locals>.Net", "Net"),
        ("<function train.<locals>.Net.fit at 0x7f>", "train.<locals>.Net.fit", "Net.fit"),
        ("[churn.steps.train.<locals>.Net]", "churn.steps.train.<locals>.Net", "__main__.Net"),
        ("train.<locals>.f.<locals>.g", "train.<locals>.f.<locals>.g", "f.<locals>.g"),
        ("retrain.<locals>.Net, f.<locals>.Net, x.train.<locals>.Net, train.Net", "", ""),
        ("show.<locals>.g, where the notebook itself has a function of that name", "", ""),
    ],
)
def test_names_within_a_steps_function_are_found(
    tmp_path: Path, text: str, name: str, original: str
) -> None:
    """A dataclass shows its name without a module."""
    inner = locals_of(("train", "show"), ("show",))
    output = output_with(tmp_path / "out.ipynb", {"name": "stdout", "text": text})
    found = [(each.name, each.original) for each in mentions("churn", output, set(), inner)]
    assert found == ([(name, original)] if name else [])
    pattern = name_pattern("churn", inner)
    assert namespace.naming({"text": text}, pattern) == ({"text": name} if name else {})
