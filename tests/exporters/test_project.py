"""``jupyter nbconvert --to nbprod``, as a user calls it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbprod.emit.load import load_project
from nbprod.exporters.project import NbprodExporter, NotConvertedError
from nbprod.workflows.convert import ConvertRequest, convert

EXAMPLES = Path(__file__).parents[2] / "example_notebooks"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    place = tmp_path / "penguins.ipynb"
    shutil.copyfile(EXAMPLES / "penguins.ipynb", place)
    return place


def nbconvert(notebook: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "nbprod", notebook.name, *options],
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.*")
        if path.is_file()
    }


@pytest.mark.slow
def test_nbconvert_writes_the_ir_and_the_project(notebook: Path, tmp_path: Path) -> None:
    source = notebook.read_bytes()
    done = nbconvert(notebook)
    assert done.returncode == 0, done.stderr
    assert notebook.read_bytes() == source
    document = json.loads((tmp_path / "penguins.nbprod.json").read_text())
    assert document["name"] == "penguins"
    project = load_project(tmp_path / "penguins_pipeline")
    assert project.edited == ()
    assert project.source_notebook() == notebook

    result = convert(ConvertRequest(notebook, tmp_path / "penguins_pipeline"))
    assert result.written == (), "both doors write the same bytes"


@pytest.mark.slow
def test_an_edited_file_stops_nbconvert_before_it_writes(notebook: Path, tmp_path: Path) -> None:
    assert nbconvert(notebook).returncode == 0
    (tmp_path / "penguins.nbprod.json").unlink()
    with (tmp_path / "penguins_pipeline/penguins/steps.py").open("a") as file:
        file.write("# mine\n")
    before = snapshot(tmp_path)
    done = nbconvert(notebook)
    assert done.returncode != 0
    assert "edited by hand" in done.stderr
    assert "penguins/steps.py" in done.stderr
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_another_output_folder_knows_where_the_notebook_is(notebook: Path, tmp_path: Path) -> None:
    done = nbconvert(notebook, "--output-dir", "elsewhere")
    assert done.returncode == 0, done.stderr
    project = load_project(tmp_path / "elsewhere/penguins_pipeline")
    assert project.source_notebook() == notebook


def test_a_notebook_with_errors_is_refused_with_the_cell(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("x = (1,")
    document = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(NotConvertedError, match="cell 1") as caught:
        NbprodExporter().from_notebook_node(
            document, {"metadata": {"name": "broken", "path": str(tmp_path)}}
        )
    assert "broken.ipynb" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_in_memory_gives_the_same_as_the_file(notebook: Path) -> None:
    exporter = NbprodExporter()
    _, from_file = exporter.from_filename(str(notebook))
    document = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"name": "penguins", "path": str(notebook.parent)}}
    text, in_memory = exporter.from_notebook_node(document, resources)
    assert json.loads(text)["name"] == "penguins"
    assert in_memory["output_extension"] == ".nbprod.json"
    steps = "penguins_pipeline/penguins/steps.py"
    assert in_memory["outputs"][steps] == from_file["outputs"][steps]


def test_something_else_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "text.ipynb").write_text("not JSON")
    with pytest.raises(NotConvertedError, match=r"text\.ipynb"):
        NbprodExporter().from_filename(str(tmp_path / "text.ipynb"))
