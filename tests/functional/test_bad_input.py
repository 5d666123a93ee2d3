"""Bad input: one clear message, the right exit code, nothing half-done left behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.conftest import MODEL_CELLS, nbprod, write_notebook


def refused(shown, code: int, *parts: str) -> None:
    """Assert one clear message with ``parts``, and the exit code."""
    assert shown.returncode == code, shown.stderr
    assert "Traceback (most recent call last)" not in shown.stderr, shown.stderr
    assert shown.stderr.count("error: ") == 1, shown.stderr
    for part in parts:
        assert part in shown.stderr, f"{part!r} not in {shown.stderr}"


@pytest.mark.parametrize("verb", ["check", "convert", "run", "deploy"])
def test_not_a_notebook(sandbox, verb):
    (sandbox / "notes.ipynb").write_text("these are notes")
    extra = ["-o", "out"] if verb == "convert" else []
    refused(nbprod(verb, "notes.ipynb", *extra), 2, "notes.ipynb", "not a notebook")
    assert sorted(path.name for path in sandbox.iterdir()) == ["notes.ipynb"]


def test_a_notebook_that_is_not_there(sandbox):
    refused(nbprod("deploy", "chrun.ipynb"), 2, "chrun.ipynb", "does not exist")


def test_an_empty_notebook(sandbox):
    write_notebook(sandbox / "empty.ipynb")
    refused(nbprod("deploy", "empty.ipynb"), 2, "empty.ipynb")


@pytest.mark.slow
def test_a_notebook_without_a_model(sandbox):
    write_notebook(sandbox / "sums.ipynb", "total = sum(range(10))", "print(total)")
    refused(nbprod("deploy", "sums.ipynb"), 2, "no model", ".fit(")


def test_a_syntax_error_in_a_cell(sandbox):
    write_notebook(sandbox / "broken.ipynb", "x = 1", "for i in range(3)\n    print(i)")
    refused(nbprod("deploy", "broken.ipynb"), 2, "cell 2, line 1", "syntax-error")


@pytest.mark.slow
def test_a_cell_that_raises(sandbox):
    write_notebook(
        sandbox / "raises.ipynb", "# Title", "x = [1, 2]", ("y = x[5]\nprint(y)", ["step:pick"])
    )
    refused(nbprod("run", "raises.ipynb"), 1, "cell 3", "y = x[5]", "IndexError", "pick")


@pytest.mark.slow
def test_a_missing_data_file(sandbox):
    write_notebook(
        sandbox / "data.ipynb", "import pandas as pd\ndf = pd.read_csv('data/none.csv')\ndf.head()"
    )
    refused(nbprod("run", "data.ipynb"), 1, "data/none.csv", "cell 1", str(sandbox))


@pytest.mark.parametrize("verb", ["run", "build", "deploy", "verify"])
def test_an_unknown_parameter_lists_the_known_ones(sandbox, verb):
    write_notebook(sandbox / "model.ipynb", *MODEL_CELLS)
    shown = nbprod(verb, "model.ipynb", "-p", "tets_size", "0.3")
    refused(shown, 2, "tets_size", "test_size", "seed")
    assert not (sandbox / ".nbprod" / "runs").exists()


@pytest.mark.parametrize(("name", "value"), [("test_size", "much"), ("seed", "1.5")])
def test_a_value_of_the_wrong_type(sandbox, name, value):
    write_notebook(sandbox / "model.ipynb", *MODEL_CELLS)
    refused(nbprod("run", "model.ipynb", "-p", name, value), 2, name, value)


@pytest.mark.slow
def test_a_port_in_use_fails_before_anything_runs(sandbox):
    write_notebook(sandbox / "model.ipynb", *MODEL_CELLS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shown = nbprod("deploy", "model.ipynb", "--port", port)
    refused(shown, 2, str(port), "in use")
    assert not (sandbox / ".nbprod" / "runs").exists()


def kernel_of(interpreter: str, folder: Path, name: str) -> dict[str, str]:
    """Install a kernel spec for an interpreter; return the environment that finds it."""
    spec = folder / "kernels" / name
    spec.mkdir(parents=True)
    document = {
        "argv": [interpreter, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
    }
    (spec / "kernel.json").write_text(json.dumps(document))
    return {"JUPYTER_PATH": str(folder)}


def test_a_missing_kernel_lists_those_that_are_there(sandbox):
    cells = write_notebook(
        sandbox / "other.ipynb",
        "x = 1",
        kernelspec={"display_name": "R&D", "language": "python", "name": "research"},
    )
    refused(nbprod("run", cells), 2, "research", "python3")


@pytest.mark.slow
def test_a_kernel_whose_environment_is_not_ours(sandbox, tmp_path):
    import venv

    other = tmp_path / "other"
    venv.create(other, system_site_packages=False, with_pip=False, symlinks=True)
    write_notebook(sandbox / "model.ipynb", *MODEL_CELLS)
    environment = kernel_of(str(other / "bin" / "python"), tmp_path / "jupyter", "bare")
    shown = nbprod("deploy", "model.ipynb", "--kernel", "bare", env=environment)
    refused(shown, 2, "bare")


@pytest.mark.skipif(sys.platform != "linux", reason="a read-only mount needs Linux")
@pytest.mark.parametrize("verb", ["convert", "run", "build", "deploy"])
def test_a_read_only_folder(sandbox, verb):
    folder = sandbox / "readonly"
    folder.mkdir()
    write_notebook(folder / "model.ipynb", *MODEL_CELLS)
    arguments = ["-o", folder / "project"] if verb == "convert" else []
    shown = nbprod(verb, folder / "model.ipynb", *arguments, within=read_only(folder))
    refused(shown, 4, "cannot", "readonly", "fix: ")
    assert [path.name for path in folder.iterdir()] == ["model.ipynb"]


def read_only(folder: Path) -> list[str]:
    """Return the command that runs another one to which ``folder`` is a read-only mount.

    Permissions alone would not stop root, who runs the tests in many containers.
    """
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    within = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(folder)]
    if os.getuid() == 0:
        within.remove("--map-root-user")
    tried = subprocess.run([*within, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine lets nobody mount a folder read-only: {tried.stderr.strip()}")
    return within


@pytest.mark.slow
def test_a_run_where_the_record_cannot_be_written(sandbox, tmp_path):
    folder = tmp_path / "readonly"
    folder.mkdir()
    write_notebook(folder / "model.ipynb", *MODEL_CELLS)
    (folder / ".nbprod").write_text("in the way")
    refused(nbprod("run", folder / "model.ipynb"), 4, ".nbprod")
    assert (folder / ".nbprod").read_text() == "in the way"


@pytest.mark.parametrize(
    ("text", "name"), [("seed: 1\nseed: 2\n", "seed"), ("seed: {a: 1, a: 2}\n", "a")]
)
def test_a_parameter_file_that_gives_a_name_twice(sandbox, text, name):
    write_notebook(sandbox / "model.ipynb", *MODEL_CELLS)
    (sandbox / "given.yaml").write_text(text)
    shown = nbprod("run", "model.ipynb", "-f", "given.yaml")
    refused(shown, 2, "given.yaml", f"gives {name} twice")
    assert not (sandbox / ".nbprod").exists()


@pytest.mark.parametrize(
    "arguments",
    [("check",), ("run", "model.ipynb", "-p", "seed"), ("deploy", "--prot", "1"), ("frobnicate",)],
)
def test_wrong_usage_is_one_json_document_too(sandbox, arguments):
    shown = nbprod(arguments[0], "--json", *arguments[1:])
    assert shown.returncode == 2
    error = json.loads(shown.stdout)["error"]
    assert error["exit_code"] == 2
    assert error["message"] in shown.stderr
    assert "--help" in error["fix"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 1}', "\xff"])
def test_a_damaged_manifest_is_told_in_one_message(sandbox, content):
    write_notebook(sandbox / "model.ipynb", *MODEL_CELLS)
    assert nbprod("convert", "model.ipynb", "-o", "project").returncode == 0
    (sandbox / "project" / "nbprod.json").write_bytes(content.encode("latin-1"))
    refused(nbprod("run", "project"), 2, "nbprod.json is damaged")
