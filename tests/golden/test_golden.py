"""The projects made from the example notebooks, byte by byte.

After a wanted change: ``NBPROD_UPDATE_GOLDEN=1 pytest tests/golden`` rewrites the trees;
read the diff as a reviewer would.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.diagnostics import has_errors
from nbprod.emit.project import ProjectFile, render_project
from nbprod.notebook.read import read_notebook
from nbprod.pipeline.build import build
from nbprod.pipeline.environment import Environment

GOLDEN = Path(__file__).parent
NOTEBOOKS = GOLDEN.parents[1] / "example_notebooks"
NAMES = ("churn", "house_prices", "penguins")

# The same on every machine: what is installed must not show in the trees.
ENVIRONMENT = Environment(
    "python3",
    "3.11.7",
    {
        "ipykernel": ("ipykernel", "7.4.0"),
        "matplotlib": ("matplotlib", "3.11.2"),
        "numpy": ("numpy", "2.4.6"),
        "pandas": ("pandas", "3.1.1"),
        "papermill": ("papermill", "2.7.0"),
        "seaborn": ("seaborn", "0.13.2"),
        "sklearn": ("scikit-learn", "1.9.1"),
    },
)


def rendered(name: str) -> tuple[ProjectFile, ...]:
    pipeline, diagnostics = build(read_notebook(NOTEBOOKS / f"{name}.ipynb"), ENVIRONMENT, {})
    assert pipeline is not None
    assert not has_errors(diagnostics)
    return render_project(pipeline, environment=ENVIRONMENT, diagnostics=diagnostics)


def write(files: tuple[ProjectFile, ...], folder: Path) -> None:
    for file in files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(file.content)


@pytest.mark.parametrize("name", NAMES)
def test_the_project_is_the_expected_one(name: str) -> None:
    files = rendered(name)
    tree = GOLDEN / name
    if os.environ.get("NBPROD_UPDATE_GOLDEN"):
        shutil.rmtree(tree, ignore_errors=True)
        write(files, tree)
    expected = {
        path.relative_to(tree).as_posix(): path.read_text(encoding="utf-8")
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {str(file.path): file.content.decode() for file in files} == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_the_examples_fails_a_check(name: str) -> None:
    readme = (GOLDEN / name / "README.md").read_text()
    assert "do not pass the strictest checks" not in readme
    assert "extend-per-file-ignores" not in (GOLDEN / name / "pyproject.toml").read_text()


@pytest.fixture(params=NAMES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a tree beside the example's data."""
    folder = tmp_path / f"{request.param}_pipeline"
    shutil.copytree(GOLDEN / request.param, folder)
    shutil.copytree(NOTEBOOKS / "data", tmp_path / "data")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_project_passes_ruff(project: Path) -> None:
    for arguments in (["check", "."], ["format", "--check", "."]):
        done = run(project, "ruff", *arguments, "--no-cache")
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_project_passes_mypy_strict(project: Path) -> None:
    done = run(project, "mypy", "--strict")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_projects_own_tests_pass(project: Path) -> None:
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def draws(source: str) -> bool:
    return "plt.show()" in source or source.rstrip().endswith(";")


@pytest.mark.slow
def test_plain_papermill_runs_the_notebook_beside_the_data(project: Path) -> None:
    done = run(project.parent, "papermill", f"{project.name}/pipeline.ipynb", "out.ipynb")
    assert done.returncode == 0, done.stderr
    cells = json.loads((project.parent / "out.ipynb").read_text())["cells"]
    pictures = [
        output
        for cell in cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    source = json.loads((NOTEBOOKS / f"{project.name.removesuffix('_pipeline')}.ipynb").read_text())
    # Each of the examples ends a drawing cell with plt.show(), or with a call and a semicolon.
    drawing = [cell for cell in source["cells"] if draws("".join(cell["source"]))]
    assert len(pictures) == len(drawing)
