"""The command line as a table of verbs."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from nbprod.cli.main import VERBS, command


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example_of_itself(verb):
    shown = CliRunner().invoke(command, [verb, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Examples:" in shown.output
    assert f"nbprod {verb}" in shown.output


def test_an_unknown_verb_is_wrong_usage():
    shown = CliRunner().invoke(command, ["depoly", "churn.ipynb"])
    assert shown.exit_code == 2
    assert "depoly" in shown.output


@pytest.mark.parametrize("given", [("lr", "a=b"), ("lr=a=b",)])
def test_parameters_are_given_with_and_without_a_sign(tmp_path, monkeypatch, given):
    """As papermill takes them, and as people write them."""
    monkeypatch.chdir(tmp_path)
    source = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "lr = 0.1"}
    cells = [{**source, "id": "a", "execution_count": None, "outputs": []}]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(document))
    shown = CliRunner().invoke(command, ["run", "n.ipynb", "-p", *given])
    assert shown.exit_code == 2
    assert "'a=b'" in shown.output


def test_help_imports_nothing_heavy():
    """The start is quick because of what is not imported."""
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from nbprod.cli.main import command\n"
        "import click\n"
        "command.main(['--help'], standalone_mode=False)\n"
        "heavy = {'pandas', 'numpy', 'sklearn', 'bentoml', 'papermill', 'nbformat', 'jinja2',\n"
        "         'nbclient', 'IPython', 'rich', 'asyncio', 'msgspec', 'psutil'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules) - before))\n"
    )
    setup = "import sys; from click.testing import CliRunner; before = set(sys.modules)\n"
    shown = subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, text=True, check=True
    )
    assert shown.stdout.rstrip().endswith("HEAVY []"), shown.stdout[-300:]


def test_the_module_is_the_command():
    shown = subprocess.run(
        [sys.executable, "-m", "nbprod", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith("nbprod, version")
