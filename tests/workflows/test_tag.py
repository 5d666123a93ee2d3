"""``nbprod tag``: suggestions that, once written, change nothing but the names' certainty."""

from __future__ import annotations

import json
import shutil

import pytest

from nbprod.errors import UsageError
from nbprod.workflows.check import CheckRequest, check
from nbprod.workflows.run import RunWorkflowRequest, run
from nbprod.workflows.tag import TagRequest, tag
from tests.functional.conftest import REPOSITORY, write_notebook

EXAMPLES = REPOSITORY / "example_notebooks"


def steps_of(notebook):
    """Return what check says of the steps, but for the mark that they are tagged."""
    steps = check(CheckRequest(notebook)).as_json()["steps"]
    return [{key: value for key, value in step.items() if key != "tagged"} for step in steps]


@pytest.mark.parametrize("name", ["house_prices", "penguins", "churn"])
def test_written_tags_say_what_was_inferred(tmp_path, name):
    notebook = tmp_path / f"{name}.ipynb"
    shutil.copy(EXAMPLES / notebook.name, notebook)
    before, original = steps_of(notebook), json.loads(notebook.read_text())

    tag(TagRequest(notebook, write=True))
    assert steps_of(notebook) == before
    assert tag(TagRequest(notebook)).suggestions == ()

    written = json.loads(notebook.read_text())
    for old, new in zip(original["cells"], written["cells"], strict=True):
        old_tags = old["metadata"].get("tags", [])
        new_tags = new["metadata"].pop("tags", [])
        assert new_tags[: len(old_tags)] == old_tags
        old["metadata"].pop("tags", None)
        assert new == old


def test_a_suggestion_alone_writes_nothing(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", "x = [1, 2]", "print(sum(x))")
    before = notebook.read_bytes()
    assert tag(TagRequest(notebook)).suggestions
    assert notebook.read_bytes() == before


def test_metrics_are_tagged_only_where_the_cell_assigns_nothing_else(tmp_path):
    setup = (
        "import numpy as np\nfrom sklearn.metrics import r2_score\ny = np.arange(4.0)\np = y + 1"
    )
    pure = write_notebook(tmp_path / "pure.ipynb", setup, "r2 = r2_score(y, p)\nprint(r2)")
    mixed = write_notebook(tmp_path / "mixed.ipynb", setup, "top = y.max()\nr2 = r2_score(y, p)")
    assert any("metrics" in each.add for each in tag(TagRequest(pure)).suggestions)
    assert not any("metrics" in each.add for each in tag(TagRequest(mixed)).suggestions)


def test_an_old_format_is_not_written(tmp_path):
    notebook = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "input": ["x = [1]\n", "print(x)"], "outputs": [], "metadata": {}}
    cell |= {"language": "python", "collapsed": False}
    document = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}
    document["worksheets"].append({"cells": [cell], "metadata": {}})
    notebook.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="old notebook format"):
        tag(TagRequest(notebook, write=True))


def test_changes_that_never_happen_are_noted_and_make_the_pipeline_simpler(tmp_path, monkeypatch):
    """A careful conversion hands on what an unknown call may change; a run knows better."""
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    notebook = write_notebook(
        tmp_path / "careful.ipynb",
        ("import bisect\nrows = [1, 2]", ["step:load"]),
        ("tools = {'find': bisect.bisect}\nplace = tools['find'](rows, 2)", ["step:look"]),
        ("print(rows, place)", ["step:show"]),
    )
    before = {step["name"]: step["outputs"] for step in steps_of(notebook)}
    assert "rows" in before["look"]
    assert not any(each.unchanged for each in tag(TagRequest(notebook)).suggestions)

    assert run(RunWorkflowRequest(notebook)).unchanged == {"look": ("rows",)}
    (found,) = tag(TagRequest(notebook, write=True)).suggestions
    assert (found.cell, found.unchanged) == (2, ("rows",))
    after = {step["name"]: step["outputs"] for step in steps_of(notebook)}
    assert after["look"] == ["place"]
    assert tag(TagRequest(notebook)).suggestions == ()

    # What the notebook says is checked by the next run.
    text = notebook.read_text().replace("bisect.bisect", "bisect.insort")
    notebook.write_text(text)
    (change,) = run(RunWorkflowRequest(notebook)).record.undeclared
    assert (change.variable, change.cell) == ("rows", 2)
