"""Every rule finds what it says, and nothing else: one file of small notebooks per rule.

In ``rules/CODE.txt``, ``=== found`` and ``=== clean`` begin a notebook, ``---`` begins a cell
(with ``md``, ``[execution count]`` and ``tags=…``), ``output:`` is a line that it printed. A line
that ends in ``#!`` is where the rule has to find something; ``!`` behind ``---`` means the whole
cell, behind ``===`` the whole notebook. Nothing else in the file may be found by that rule.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nbprod.analysis.rulebook.page import rule_text, rules_page
from nbprod.analysis.rules import RULES
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from nbprod.pipeline.environment import Environment

FOLDER = Path(__file__).parent / "rules"
ROOT = Path(__file__).parents[2]
INSTALLED = ("numpy", "pandas", "sklearn", "seaborn", "requests", "psycopg2", "IPython")
ENVIRONMENT = Environment(
    interpreter="python", python="3.11.7", distributions={name: (name, "1.0") for name in INSTALLED}
)


@dataclass
class Fixture:
    """One notebook, and where the rule has to find something."""

    found: bool
    text: str
    expected: set[tuple[int, int]] = field(default_factory=set)


def fixtures(code):
    for block in re.split(r"^=== ", (FOLDER / f"{code}.txt").read_text(), flags=re.M)[1:]:
        header, _, body = block.partition("\n")
        option = re.search(r"model=(\w+)", header)
        fixture = Fixture(header.startswith("found"), "")
        if header.startswith("found !"):
            fixture.expected.add((0, 0))
        cells = [
            cell(number, part, fixture.expected)
            for number, part in enumerate(re.split(r"^---", body, flags=re.M)[1:], start=1)
        ]
        metadata = {"nbprod": {"model": option[1]}} if option else {}
        document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
        fixture.text = json.dumps(document)
        yield fixture


def cell(number, part, expected):
    header, _, source = part.partition("\n")
    if "!" in header:
        expected.add((number, 0))
    lines, outputs = [], []
    for line in source.removesuffix("\n").split("\n"):
        if line.startswith("output: "):
            outputs.append({"output_type": "stream", "text": [line.removeprefix("output: ")]})
            continue
        if line.endswith(" #!"):
            expected.add((number, len(lines) + 1))
        lines.append(line.removesuffix(" #!"))
    count = re.search(r"\[(\d+)\]", header)
    tags = re.search(r"tags=(\S+)", header)
    return {
        "cell_type": "markdown" if "md" in header else "code",
        "id": f"c{number}",
        "source": "\n".join(lines),
        "metadata": {"tags": tags[1].split(",")} if tags else {},
        "execution_count": int(count[1]) if count else None,
        "outputs": outputs,
    }


FOUND_IN_NOTEBOOKS = [code for code in RULES if code != "rule-failed"]


@pytest.mark.parametrize("code", FOUND_IN_NOTEBOOKS)
def test_a_rule_finds_what_it_says_and_nothing_else(code):
    for fixture in fixtures(code):
        _, diagnostics = build(read_notebook_text(fixture.text, "n.ipynb"), ENVIRONMENT)
        places = {
            (found.origin.cell, found.origin.line) if found.origin else (0, 0)
            for found in diagnostics
            if found.code == code
        }
        assert places == fixture.expected, fixture.text
        assert "rule-failed" not in {found.code for found in diagnostics}
        assert bool(fixture.expected) == fixture.found


@pytest.mark.parametrize("code", FOUND_IN_NOTEBOOKS)
def test_a_rule_has_notebooks_that_it_finds_and_ones_that_it_passes(code):
    kinds = {fixture.found for fixture in fixtures(code)}
    assert kinds == {True, False}


def test_no_file_is_about_a_rule_that_there_is_not():
    assert {path.stem for path in FOLDER.iterdir()} == set(FOUND_IN_NOTEBOOKS)


@pytest.mark.parametrize("code", RULES)
def test_a_rule_says_what_it_finds_and_how_to_mend_it(code):
    rule = RULES[code]
    assert rule.what.endswith(".")
    assert rule.fix.endswith(".") or (not rule.fix and rule.severity == "hint")
    assert rule.what in rule_text(rule)


def test_the_documented_rules_are_the_rules():
    """``make rules`` writes the page anew."""
    assert (ROOT / "docs" / "rules.md").read_text() == rules_page(RULES.values())
