"""The step process that packages a model, run as the workflow runs it."""

from __future__ import annotations

import json

import pytest

from nbprod.model.persistence import load_model
from tests.model_projects import PROJECTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cancer(tmp_path_factory):
    return PROJECTS["cancer"](tmp_path_factory.mktemp("cancer"))


@pytest.mark.parametrize(
    ("name", "stored"),
    [("penguins", "skops"), ("ratios", "skops"), ("cancer", "skops"), ("spam", "cloudpickle")],
)
def test_a_project_is_packaged_and_its_answers_checked(name, stored, tmp_path):
    project = PROJECTS[name](tmp_path)
    result = project.package(tmp_path / "package")
    assert result["ok"], result
    assert result["format"] == stored
    assert result["checked_rows"] == len(project.rows)
    assert bool(result["reason"]) == (stored == "cloudpickle")


def test_a_scaler_fitted_by_hand_is_served_along(cancer, tmp_path):
    assert cancer.package(tmp_path / "package")["ok"]
    model, package = load_model(tmp_path / "package")
    assert [name for name, _ in model.steps] == ["scaler", "model"]
    assert package.chain == ()  # facts are the workflow's to give


def test_a_difference_tells_row_got_and_expected(cancer, tmp_path):
    path = cancer.model_folder / "expected.json"
    kept = path.read_text()
    document = json.loads(kept)
    document["predictions"][3] = 1 - document["predictions"][3]
    path.write_text(json.dumps(document))
    try:
        result = cancer.package(tmp_path / "package")
    finally:
        path.write_text(kept)
    assert result["error"] == "differs"
    [difference] = result["differences"]
    assert difference["row"] == 3
    assert difference["got"] == 1 - difference["expected"]
    assert not (tmp_path / "package").exists()


def test_a_label_of_another_type_is_a_difference(cancer, tmp_path):
    path = cancer.model_folder / "expected.json"
    kept = path.read_text()
    document = json.loads(kept)
    document["predictions"] = [str(label) for label in document["predictions"]]
    path.write_text(json.dumps(document))
    try:
        assert cancer.package(tmp_path / "package")["error"] == "differs"
    finally:
        path.write_text(kept)


def test_a_changed_artifact_is_not_loaded(cancer, tmp_path):
    artifacts = [{"path": str(cancer.artifact), "sha256": "0" * 64}]
    result = cancer.package(tmp_path / "package", artifacts=artifacts)
    assert result["error"] == "artifact"
    assert "not the file that the run wrote" in result["message"]


def test_a_variable_that_no_artifact_holds(cancer, tmp_path):
    result = cancer.package(tmp_path / "package", variable="forest")
    assert (result["error"], result["message"]) == ("variable", "no artifact holds forest")
