"""papermill's own doors: its command line, its API, and both import orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nbprod.run.folder import run_folders
from nbprod.run.record import RunState, read_record

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "first", ["import papermill, nbprod.run.engine", "import nbprod.run.engine, papermill"]
)
def test_both_import_orders(first: str) -> None:
    code = (
        f"{first}\nfrom papermill.engines import papermill_engines as engines\n"
        "from nbprod.run.engine import NbprodEngine\n"
        "assert engines.get_engine('nbprod') is NbprodEngine"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def papermill(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "papermill", "--engine", "nbprod", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        text=True,
        capture_output=True,
        timeout=300,
    )


def test_plain_papermill_runs_and_records(
    write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    write_notebook([("parameters", "n: int = 1"), ("step:double", "m = n * 2\nprint(m)")])
    done = papermill("demo.ipynb", "out.ipynb", "-p", "n", "21", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    assert cells[2]["outputs"][0]["text"] == ["42\n"]
    assert cells[2]["metadata"]["papermill"]["status"] == "completed"
    (folder,) = run_folders(tmp_path)
    record = read_record(folder)
    assert (record.state, record.parameters) == (RunState.COMPLETED, {"n": 21})


def test_a_relative_path_and_another_working_directory(
    write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    write_notebook(["import near\nx = near.one + len(open('data.txt').read())\nprint(x)"])
    (tmp_path / "cw").mkdir()
    (tmp_path / "cw" / "data.txt").write_text("abc")
    (tmp_path / "cw" / "near.py").write_text("one = 1\n")
    for runs in (1, 2):
        done = papermill("demo.ipynb", "out.ipynb", "--cwd", "cw", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "nbprod" not in done.stderr
        assert len(run_folders(tmp_path)) == runs
    (cell,) = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    assert cell["outputs"][0]["text"] == ["4\n"]
    record = read_record(run_folders(tmp_path)[-1])
    assert [file.path for file in record.files_read] == [str(tmp_path / "cw" / "data.txt")]
    assert record.steps[0].cached


def test_a_refused_notebook_runs_plainly_with_a_warning(
    write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    write_notebook(["print(1)", "if False:\n    undefined_thing()", "import (", "print(2)"])
    done = papermill("demo.ipynb", "out.ipynb", folder=tmp_path)
    assert done.returncode == 1
    assert "runs plainly" in done.stderr
    assert "SyntaxError" in (tmp_path / "out.ipynb").read_text()
    assert run_folders(tmp_path) == ()


def test_capture_can_be_switched_off(write_notebook: Callable[..., Path], tmp_path: Path) -> None:
    write_notebook(["print(1)"])
    done = papermill("demo.ipynb", "out.ipynb", folder=tmp_path, NBPROD_CAPTURE="0")
    assert done.returncode == 0, done.stderr
    assert run_folders(tmp_path) == ()


def test_papermills_failure_is_papermills(
    write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    write_notebook(["1 / 0", "print('later')"])
    done = papermill("demo.ipynb", "out.ipynb", folder=tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "papermill-error-cell" in (tmp_path / "out.ipynb").read_text()
    assert read_record(run_folders(tmp_path)[-1]).state is RunState.FAILED
