"""Switching rules off, and what may not be switched off."""

from __future__ import annotations

import json

import pytest

from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build

PATH = "x = '/home/ana/x.csv'"


def codes(*cells, metadata=None, cell_metadata=None):
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": metadata or {},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "source": source,
                "metadata": cell_metadata or {},
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
    }
    _, found = build(read_notebook_text(json.dumps(document), "n.ipynb"))
    return [(each.code, each.origin.cell, each.origin.line) for each in found if each.origin]


def test_a_comment_at_a_lines_end_switches_off_that_line_only():
    found = codes(f"{PATH}  # nbprod: ignore[absolute-path]\ny = '/home/ana/y.csv'\nprint(x, y)")
    assert found == [("absolute-path", 1, 2)]


def test_a_comment_on_its_own_line_switches_off_the_cell():
    comment = "# nbprod: ignore[absolute-path, out-of-order]"
    assert codes(f"{comment}\n{PATH}\nprint(x)", "y = '/home/ana'\nprint(y)") == [
        ("absolute-path", 2, 1)
    ]


def test_the_cells_metadata_switches_off_the_cell():
    assert codes(f"{PATH}\nprint(x)", cell_metadata={"nbprod": {"ignore": ["absolute-path"]}}) == []


def test_a_tag_switches_off_the_cell():
    assert codes(f"{PATH}\nprint(x)", cell_metadata={"tags": ["ignore:absolute-path"]}) == []


def test_the_notebooks_metadata_switches_off_all_cells():
    metadata = {"nbprod": {"ignore": ["absolute-path"]}}
    assert codes(f"{PATH}\nprint(x)", "y = '/home/ana'\nprint(y)", metadata=metadata) == []


@pytest.mark.parametrize("wrong", [{"ignore": "absolute-path"}, {"ignore": [1]}, "ignore", None])
def test_metadata_of_another_shape_switches_nothing_off(wrong):
    assert codes(f"{PATH}\nprint(x)", cell_metadata={"nbprod": wrong}) == [("absolute-path", 1, 1)]


def test_what_nbprod_cannot_go_on_with_is_not_switched_off():
    found = codes("# nbprod: ignore[dynamic-namespace]\nglobals()[name] = 1")
    assert ("unknown-rule", 1, 1) in found
    assert ("dynamic-namespace", 1, 2) in found
