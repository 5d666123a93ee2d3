"""Reading notebook files of every format."""

from __future__ import annotations

import json

import pytest

from nbprod.errors import UsageError
from nbprod.notebook.cell import CellKind
from nbprod.notebook.read import read_notebook, read_notebook_text
from nbprod.notebook.tags import cell_role, identifier, options


def code(source, **more):
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": 1,
        **more,
    }


def text(cells, metadata=None, minor=5, version=4):
    return json.dumps(
        {"nbformat": version, "nbformat_minor": minor, "metadata": metadata or {}, "cells": cells}
    )


def test_cells_are_numbered_with_markdown_and_without_injected_ones():
    injected = code("x = 2", metadata={"tags": ["injected-parameters"]})
    notebook = read_notebook_text(
        text(
            [
                {"cell_type": "markdown", "source": "# Hi", "metadata": {}},
                code("a"),
                injected,
                code("b"),
            ]
        )
    )
    assert [(cell.number, cell.kind, cell.source) for cell in notebook.cells] == [
        (1, CellKind.MARKDOWN, "# Hi"),
        (2, CellKind.CODE, "a"),
        (3, CellKind.CODE, "b"),
    ]


def test_missing_ids_are_derived_the_same_way_each_time():
    document = text([code("a"), code("a"), code("b", id="own")], minor=4)
    first, again = read_notebook_text(document), read_notebook_text(document)
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in again.cells]
    assert len(set(ids)) == 3
    assert ids[2] == "own"


def test_lines_may_be_a_list_and_end_as_on_windows():
    notebook = read_notebook_text(text([code(["a = 1\r\n", "b = 2\r\n", "c"])]))
    assert notebook.cells[0].source == "a = 1\nb = 2\nc"


def test_format_3_is_read():
    document = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "heading", "level": 1, "source": "Old", "metadata": {}},
                    {
                        "cell_type": "code",
                        "input": "x = 1",
                        "language": "python",
                        "outputs": [],
                        "metadata": {},
                        "collapsed": False,
                        "prompt_number": 3,
                    },
                ],
            }
        ],
    }
    notebook = read_notebook_text(json.dumps(document))
    assert [cell.source for cell in notebook.cells] == ["# Old", "x = 1"]
    assert notebook.cells[1].execution_count == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("{", "not JSON"),
        ("[1]", "no nbformat"),
        ('{"a": 1}', "no nbformat"),
        (text([], version=2), "format 2"),
        (text("x"), "no list of cells"),
        (text([1]), "cell 1 is not an object"),
        (
            text([], metadata={"kernelspec": {"name": "ir", "language": "R"}}),
            "for R, not for Python",
        ),
    ],
)
def test_what_is_no_python_notebook_is_told_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "bad.ipynb"
    path.write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_notebook(path)
    assert str(path) in caught.value.message


def test_missing_folder_and_binary_files(tmp_path):
    with pytest.raises(UsageError, match="no notebook at"):
        read_notebook(tmp_path / "absent.ipynb")
    with pytest.raises(UsageError, match="a folder"):
        read_notebook(tmp_path)
    binary = tmp_path / "b.ipynb"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_notebook(binary)


def test_tags_and_options():
    metadata = {"nbprod": {"model": "clf", "secrets": ["TOKEN", 3], "service": 5}}
    cell = code("x", metadata={"tags": ["step:My Step!", "serve", "other", "step:two"]})
    notebook = read_notebook_text(text([cell], metadata))
    role = cell_role(notebook.cells[0])
    assert (role.step, role.other_steps, role.serve, role.skip) == (
        "my_step",
        ("two",),
        True,
        False,
    )
    assert options(notebook).model == "clf"
    assert options(notebook).secrets == ("TOKEN",)
    assert options(notebook).service == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("loadData", "loadData"),
        ("Load Data", "load_data"),
        ("1st", "step_1st"),
        ("class", "class_"),
        ("größe", "größe"),
        ("é à", "e_a"),
        ("!!", ""),
    ],
)
def test_step_names_become_identifiers(given, expected):
    assert identifier(given) == expected
