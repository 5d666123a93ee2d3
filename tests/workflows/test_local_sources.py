"""The author's own modules beside the notebook come along, packages without __init__ too."""

from __future__ import annotations

import subprocess
import sys

from nbprod.notebook.local_sources import read_local_sources
from nbprod.workflows.check import CheckRequest, check
from nbprod.workflows.convert import ConvertRequest, convert
from tests.functional.conftest import write_notebook


def lay(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_modules_are_followed_and_the_rest_stays(tmp_path):
    lay(
        tmp_path, one="import two; import three", two="x = 1", three="from pkg.a import b", other=""
    )
    lay(tmp_path, pkg__a="b = 1", pkg__deep__c="", pkg__not_imported="", unused__d="")
    (tmp_path / "pkg" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "pkg" / ".ipynb_checkpoints" / "a.py").write_text("")
    (tmp_path / "pkg" / "customers.csv").write_text("")
    (tmp_path / "pkg" / "loop").symlink_to(tmp_path / "pkg")
    assert list(read_local_sources(tmp_path, ["import one as first  # pkg"])) == [
        "one.py", "pkg/a.py", "pkg/deep/c.py", "pkg/not_imported.py", "three.py", "two.py",
    ]  # fmt: skip


def test_a_folder_without_init_does_not_hide_what_is_installed(tmp_path):
    lay(tmp_path, pandas__notes="", json__notes="", numpy="")
    sources = ["import pandas, json\nimport numpy"]
    assert list(read_local_sources(tmp_path, sources, {"pandas", "numpy"})) == ["numpy.py"]
    (tmp_path / "pandas" / "__init__.py").touch()
    found = read_local_sources(tmp_path, sources, {"pandas", "numpy"})
    assert list(found) == ["numpy.py", "pandas/__init__.py", "pandas/notes.py"]


def test_a_project_runs_with_a_package_without_init(tmp_path):
    lay(
        tmp_path, mylib__clean="from mylib.deep import more\ndef prep(x):\n    return more.add(x)\n"
    )
    lay(tmp_path, mylib__deep__more="def add(x):\n    return x + 1\n", mylib__tools="two = 2\n")
    notebook = write_notebook(
        tmp_path / "study.ipynb",
        "from mylib.clean import prep\nfrom mylib import tools\nimport mylib.deep.more",
        "value = prep(40) + tools.two\nprint(value)",
    )
    codes = [found["code"] for found in check(CheckRequest(notebook)).as_json()["diagnostics"]]
    assert "not-installed" not in codes
    project = tmp_path / "elsewhere" / "project"
    project.parent.mkdir()
    written = convert(ConvertRequest(notebook, project)).written
    assert {"mylib/clean.py", "mylib/deep/more.py", "mylib/tools.py"} <= set(written)
    requirements = (project / "requirements.txt").read_text()
    assert "mylib" not in requirements
    assert "\ntraitlets==" in requirements  # of ipykernel: the lock is whole
    package = next(path.parent for path in project.glob("*/steps.py"))
    code = f"import {package.name}.steps, mylib.clean as c; print(c.__file__, c.prep(1))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(project / "mylib" / "clean.py"), "2"]
