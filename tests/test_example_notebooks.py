"""The example notebooks are clean, carry their data and run the same way every time."""

from __future__ import annotations

import ast
import csv
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "example_notebooks"
DATA = FOLDER / "data"
NAMES = ("churn", "house_prices", "penguins")
MAXIMUM_DATA_BYTES = 600_000


def read(path: Path) -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.read(path, nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]
    return notebook


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def strings(notebook: nbformat.NotebookNode) -> set[str]:
    """Every string literal of the code, magics left out."""
    found: set[str] = set()
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if not line.startswith(("%", "!"))]
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def tags(notebook: nbformat.NotebookNode) -> list[str]:
    return [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]


def run(name: str, output: Path, *arguments: str) -> nbformat.NotebookNode:
    """Run a notebook with plain papermill, as a user would in its folder."""
    command = [sys.executable, "-m", "papermill", f"{name}.ipynb", str(output)]
    done = subprocess.run(
        [*command, "--no-progress-bar", *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return read(output)


def stream(notebook: nbformat.NotebookNode, name: str) -> str:
    return "".join(
        output.text
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream" and output.name == name
    )


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, dict[str, object]]]:
    """What a reader sees: printed text, tables and plots, without execution counts.

    HTML is left out: scikit-learn numbers its diagrams per process, and what a table says is in
    its plain text too.
    """
    seen: list[tuple[str, dict[str, object]]] = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            content = {"text": output.text} if output.output_type == "stream" else output.data
            seen.append((cell.id, {k: v for k, v in content.items() if k != "text/html"}))
    return seen


def test_every_notebook_of_the_folder_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_is_a_valid_notebook_with_readable_cell_ids(name: str) -> None:
    notebook = read(FOLDER / f"{name}.ipynb")
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell.id) for cell in notebook.cells)


@pytest.mark.parametrize("name", NAMES)
def test_is_stored_without_outputs(name: str) -> None:
    for cell in code_cells(read(FOLDER / f"{name}.ipynb")):
        assert cell.outputs == [], cell.id
        assert cell.execution_count is None, cell.id
        assert set(cell.metadata) <= {"tags"}, cell.id


@pytest.mark.parametrize("name", NAMES)
def test_reads_only_shipped_data_by_relative_paths(name: str) -> None:
    literals = strings(read(FOLDER / f"{name}.ipynb"))
    files = {text for text in literals if text.endswith(".csv")}
    assert files == {f"data/{name}.csv"}
    assert (FOLDER / f"data/{name}.csv").is_file()
    for text in literals:
        assert not PurePosixPath(text).is_absolute(), text
        assert not PureWindowsPath(text).drive, text
        assert not text.startswith(("~", "http:", "https:", "file:")), text


def test_tags_differ_as_the_readme_says() -> None:
    churn, house_prices, penguins = (tags(read(FOLDER / f"{name}.ipynb")) for name in NAMES)
    assert churn.count("parameters") == churn.count("metrics") == 1
    steps = list(dict.fromkeys(tag for tag in churn if tag.startswith("step:")))
    assert steps == [
        f"step:{step}"
        for step in ("load_data", "explore", "prepare", "split", "train", "evaluate", "plots")
    ]
    assert house_prices == []
    assert penguins == ["parameters"]


def test_data_are_small_and_documented_with_source_and_licence() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    files = sorted(DATA.glob("*.csv"))
    assert [path.stem for path in files] == sorted(NAMES)
    for path in files:
        assert path.stat().st_size < MAXIMUM_DATA_BYTES, path.name
        row = re.search(rf"^\| `{path.name}` \|(.+)\|$", readme, re.MULTILINE)
        assert row, f"{path.name} is not in the table of data/README.md"
        rows, columns, missing, source, licence = (cell.strip() for cell in row[1].split("|"))
        with path.open(encoding="utf-8", newline="") as stream_:
            header, *records = csv.reader(stream_)
        assert len(records) == int(rows)
        assert {len(header)} == {len(record) for record in records} == {int(columns)}
        assert sum(field == "" for record in records for field in record) == int(missing)
        assert source
        assert licence in {"MIT", "CC0 1.0"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("churn", r"f1 0\.753   ROC AUC 0\.897"),
        ("house_prices", r"RMSE 22,780 dollars\n.*\nR2   0\.922"),
        ("penguins", r"accuracy +0\.990"),
    ],
)
def test_runs_under_plain_papermill_twice_with_the_same_results(
    name: str, result: str, tmp_path: Path
) -> None:
    first = run(name, tmp_path / "first.ipynb")
    second = run(name, tmp_path / "second.ipynb")
    assert stream(first, "stderr") == "", "a notebook should print no warning"
    assert re.search(result, stream(first, "stdout")), "README.md promises these numbers"
    plots = [cell for cell, content in shown(first) if "image/png" in content]
    assert len(plots) >= 2
    assert shown(first) == shown(second)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameter", "value", "result"),
    [
        ("churn", "test_size", "0.3", "3,500 customers to train on, 1,500 to test on"),
        # So strong a regularisation that every bird is taken for the most frequent species.
        ("penguins", "C", "0.000001", "accuracy                          0.442       104"),
    ],
)
def test_parameters_change_the_run(
    name: str, parameter: str, value: str, result: str, tmp_path: Path
) -> None:
    output = run(name, tmp_path / "output.ipynb", "-p", parameter, value)
    assert result in stream(output, "stdout")
