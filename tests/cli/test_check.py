"""``nbprod check``: explaining rules, and warnings as errors."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from nbprod.analysis.rules import RULES
from nbprod.cli.main import command


@pytest.fixture
def warned(tmp_path):
    """A notebook with one warning and no error."""
    notebook = tmp_path / "warned.ipynb"
    cell = {
        "cell_type": "code",
        "id": "a",
        "source": "x = '/home/ana/x.csv'\nprint(x)",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    notebook.write_text(json.dumps(document))
    return notebook


@pytest.mark.parametrize("code", RULES)
def test_every_rule_is_explained(code):
    shown = CliRunner().invoke(command, ["check", "--explain", code])
    assert shown.exit_code == 0
    assert RULES[code].what in shown.output


def test_a_mistyped_rule_is_wrong_usage_and_the_right_one_is_named():
    shown = CliRunner().invoke(command, ["check", "--explain", "fit-befor-split"])
    assert shown.exit_code == 2
    assert "fit-before-split" in shown.output


def test_a_warning_stops_nothing_unless_strict(warned):
    assert CliRunner().invoke(command, ["check", str(warned)]).exit_code == 0
    strict = CliRunner().invoke(command, ["check", str(warned), "--strict", "--json"])
    assert strict.exit_code == 2
    (found,) = json.loads(strict.stdout)["diagnostics"]
    assert (found["code"], found["severity"]) == ("absolute-path", "error")


@pytest.mark.parametrize(
    "verb", [["convert", "-o", "project"], ["verify"], ["build"], ["deploy"]], ids=lambda v: v[0]
)
def test_strict_stops_every_verb_before_anything_runs(warned, verb, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    shown = CliRunner().invoke(command, [verb[0], str(warned), *verb[1:], "--strict"])
    assert shown.exit_code == 2
    assert "absolute-path" in shown.output
    assert not (tmp_path / "project").exists()
    assert not (tmp_path / ".nbprod").exists()
