"""Workflows for CI systems: valid by the systems' schemas, and their commands do the job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from nbprod.cli.main import command
from tests.functional.conftest import MODEL_CELLS, write_notebook

BIN = Path(sys.executable).parent
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose notebook lies in a folder with an awkward name."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    folder = tmp_path / "repo" / "the models"
    folder.mkdir()
    write_notebook(folder / "iris flowers.ipynb", *MODEL_CELLS)
    monkeypatch.chdir(tmp_path / "repo")
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    return tmp_path / "repo"


def ci(*options):
    notebook = "the models/iris flowers.ipynb"
    return CliRunner().invoke(command, ["ci", notebook, *options])


def written(provider, *options):
    shown = ci("--provider", provider, "--json", *options)
    assert shown.exit_code == 0, shown.output
    workflow, lock = map(Path, json.loads(shown.stdout)["files"])
    return workflow, lock


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_the_workflow_is_valid_by_the_providers_schema(repository, provider):
    workflow, lock = written(provider, "--require", "accuracy >= 0.9", "-p", "seed", "7")
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", SCHEMAS[provider], workflow],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    names = {line.partition("==")[0].lower() for line in lock.read_text().splitlines()}
    assert {"nbprod", "pandas", "scikit-learn", "papermill", "numpy"} <= names


def commands(provider, workflow):
    """Return the shell commands of a workflow in order, and the folder they begin in."""
    document = yaml.safe_load(workflow.read_text())
    if provider == "gitlab":
        job = next(found for found in document.values() if "script" in found)
        return job["script"], "."
    (job,) = document["jobs"].values()
    return [s["run"] for s in job["steps"] if "run" in s], job["defaults"]["run"][
        "working-directory"
    ]


def test_both_providers_do_the_same(repository):
    scripts = {p: commands(p, written(p)[0])[0] for p in SCHEMAS}
    there, *rest = scripts["gitlab"]
    assert there.strip() == "cd 'the models'"
    summary = "nbprod-report/summary.md"
    github = [line.replace('"$GITHUB_STEP_SUMMARY"', summary) for line in scripts["github"]]
    assert rest == github


@pytest.mark.slow
def test_the_commands_do_the_job(repository, tmp_path):
    workflow, _ = written("github", "--require", "accuracy >= 0.9")
    lines, folder = commands("github", workflow)
    page = tmp_path / "page.md"
    environment = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(repository),
        "GITHUB_STEP_SUMMARY": str(page),
    }
    for line in lines:
        # As GitHub runs a step: bash, ending at the first failure.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert "✅ iris flowers.ipynb" in page.read_text()
    assert "accuracy" in page.read_text()
    published = {path.name for path in Path(folder, "nbprod-report").iterdir()}
    assert published == {"iris flowers.ipynb", "junit.xml", "report.html"}


def test_edits_are_not_lost(repository):
    workflow, _ = written("github")
    written("github", "--no-build")
    assert "nbprod build" not in workflow.read_text()
    workflow.write_text(workflow.read_text() + "# mine\n")
    shown = ci("--provider", "github")
    assert shown.exit_code == 2
    assert str(workflow) in shown.stderr
    assert workflow.read_text().endswith("# mine\n")
    written("github", "--force")
    assert not workflow.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--require", "accuracy"), "--require 'accuracy>=0.9'"),
        (("-p", "sede", "3"), "Did you mean seed?"),
        (("--require", "a >= 1", "-p", "seed", "${{ secrets.TOKEN }}"), "seed"),
    ],
)
def test_what_could_not_run_is_refused(repository, options, reason):
    shown = ci("--provider", "github", *options)
    assert shown.exit_code == 2
    assert reason in shown.stderr
    assert not (repository / ".github").exists()


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_secrets_come_from_the_ci_system(repository, provider, monkeypatch):
    secrets = {"nbprod": {"secrets": ["seed_of_trust", "DB_PASSWORD"]}}
    cells = (
        ("seed_of_trust: str = ''\nseed = 3\ntest_size = 0.2", ["parameters"]),
        *MODEL_CELLS[2:],
    )
    write_notebook(repository / "the models" / "iris flowers.ipynb", *cells, **secrets)
    workflow, _ = written(provider)
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", SCHEMAS[provider], workflow],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    text = workflow.read_text()
    if provider == "github":
        (job,) = yaml.safe_load(text)["jobs"].values()
        assert "env" not in job
        wanted = {
            "NBPROD_PARAM_seed_of_trust": "${{ secrets.NBPROD_PARAM_SEED_OF_TRUST }}",
            "DB_PASSWORD": "${{ secrets.DB_PASSWORD }}",
        }
        for step in job["steps"]:
            runs = any(word in step.get("run", "") for word in ("nbprod run", "verify", "build"))
            assert step.get("env", {}) == (wanted if runs else {}), step
    else:
        assert "# It needs NBPROD_PARAM_seed_of_trust: a masked variable" in text
    refused = ci("--provider", provider, "-p", "seed_of_trust", "hunter-22")
    assert refused.exit_code == 2
    assert "seed_of_trust is a secret" in refused.output
    assert "hunter" not in refused.output
