"""What counts as a difference of printed texts."""

from __future__ import annotations

import json

import pytest

from nbprod.run.excused import excused_difference, parts_of
from nbprod.run.printed import left_out_magics_print, printed_difference
from nbprod.run.stable_text import stable_difference


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("a\nb\n", "a\nb\n"),
        ("a\nb\n", "a \r\nb\n"),
        ("x at 0x7f00aa11bb22\n", "x at 0x7f00cc33dd44\n"),
        ("a\n", "CPU times: user 1 ms\nWall time: 2 ms\na\n"),
        ("done\n", " 10%\r 50%\rdone\n"),
    ],
)
def test_what_is_no_difference(printed, expected):
    assert printed_difference(printed, expected) == ""


@pytest.mark.parametrize(
    ("printed", "expected", "words"),
    [
        ("a\n", "b\n", "line 1: 'a' vs 'b'"),
        ("a\n", "a\nb\n", "line 2 is missing: 'b'"),
        ("a\nb\n", "a\n", "line 2 is only here: 'b'"),
    ],
)
def test_the_first_difference_is_told(printed, expected, words):
    assert printed_difference(printed, expected) == words


def test_what_left_out_magics_print_may_be_missing_and_nothing_may_be_added():
    expected = "pip 23.2\nafter\nlast\n"
    assert printed_difference("after\nlast\n", expected, further=True) == ""
    lost = printed_difference("last\nafter\n", expected, further=True)
    assert lost == "line 2 is only here: 'after'"
    assert printed_difference("other\n", expected, further=True)


@pytest.mark.parametrize(
    ("source", "prints"),
    [
        ("!pip --version\nprint(1)", False),
        ("!pip install x\nprint(1)", True),
        ("%who", True),
        ("x?", True),
        ("%matplotlib inline\nprint(1)", False),
        ("!echo hello", False),
        ("x = 7 % 3\nprint(x)", False),
    ],
)
def test_only_cells_with_a_magic_that_is_left_out_are_spared(tmp_path, source, prints):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "%who"},
        {"cell_type": "code", "metadata": {}, "source": source.splitlines(keepends=True)},
    ]
    output = tmp_path / "output.ipynb"
    output.write_text(json.dumps({"cells": cells}))
    assert left_out_magics_print(output, {2}) is prints
    assert left_out_magics_print(output, {1}) is False


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("a\nb\nc\n", ""),
        ("pip\na\nb\nc\n", ""),
        ("a\nc\n", "line 2 is at another place than in the notebook: 'c'"),
        ("a\n", "lines that the notebook's code prints are missing"),
        ("pip\nb\nc\n", "line 1 is at another place than in the notebook: 'pip'"),
        ("a\nx\nc\n", "line 2 is not in the notebook: 'x'"),
    ],
)
def test_only_lines_that_a_left_out_magic_may_have_printed_may_be_missing(tmp_path, printed, told):
    def cell(source, text):
        outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
        return {"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs}

    cells = [
        cell("!pip install x\nprint('a')", "pip\na\n"),
        cell("print('b')", "b\n"),
        cell("print('c')\n%who", "c\nnames\n"),
    ]
    output = tmp_path / "output.ipynb"
    output.write_text(json.dumps({"cells": cells}))
    assert excused_difference(printed, parts_of(output, {1, 2, 3})) == told


@pytest.mark.parametrize(
    ("printed", "again", "difference"),
    [
        # The time is another one each time; the rest of it is not.
        ("took 0.5 s\nmodel: ok", "took 0.2 s\nmodel: ok", ""),
        ("took 0.5 s\nmodel: odd", "took 0.2 s\nmodel: ok", "line 2: 'model: odd' vs 'model: ok'"),
        ("took 0.5 min\nmodel: ok", "took 0.2 s\nmodel: ok", "line 1"),
        ("took 0.5 s", "took 0.2 s\nmodel: ok", "1 lines vs 2 lines"),
        # Nothing of the first line is the notebook's own each time.
        ("abc\nmodel: ok", "xyz\nmodel: ok", ""),
        ("took 0.5 s\nmodel: ok", "took 0.2 s\nmodel: ok\nonce more", ""),
    ],
)
def test_only_what_the_notebook_prints_differently_may_differ(printed, again, difference):
    expected = "took 0.1 s\nmodel: ok"
    found = stable_difference(printed, expected, again)
    assert found.startswith(difference) if difference else found == ""


@pytest.mark.parametrize(
    ("expected", "again", "printed", "difference"),
    [
        # What varies is ignored where it stands, and nothing else of the line.
        ("1.5 [2, 2] 3", "2.5 [2, 2] 3", "9.1 [2, 2] 3", ""),
        ("1.5 [2, 2] 3", "2.5 [2, 2] 3", "9.1 [3, 3] 3", "line 1: "),
        ("1.5 [2, 2] 3", "2.5 [2, 2] 3", "x [2, 2] 3", "line 1: "),
        ("at 2024-01-01 23:59:58 ok", "at 2024-01-01 23:59:59 ok", "at 2024-01-02 00:00:01 ok", ""),
        ("fold  9 of 3", "fold 10 of 3", "fold 11 of 3", ""),
        ("fold  9 of 3", "fold 10 of 3", "fold 11 of 4", "line 1: "),
        ("seen by ann: 3", "seen by bob: 3", "seen by eve: 3", ""),
        ("seen by ann: 3", "seen by bob: 3", "seen by eve: 4", "line 1: "),
        ("ids a b: 3", "ids a b c: 3", "ids a b d e: 3", ""),
        ("ids a b: 3", "ids a b c: 3", "ids a b d e: 4", "line 1: "),
        # Another count of lines leaves those that both runs print.
        ("wait\nscore 3", "wait\nwait\nscore 3", "wait\nwait\nwait\nscore 3", ""),
        ("wait\nscore 3", "wait\nwait\nscore 3", "wait\nscore 4", "line 2: "),
        ("wait\nscore 3", "score 3", "score 4", "line 1: "),
        ("a 1\nwait\nb", "a 2\nb", "a 3\nother\nb", ""),
        ("a 1\nwait\nb", "a 2\nb", "c 3\nother\nb", "line 1: "),
        ("a\nwait\nb\nwait\nc", "a\nb\nc", "a\nc", "line 2: "),
        ("", "once", "", ""),
    ],
)
def test_what_varies_is_ignored_word_by_word(expected, again, printed, difference):
    found = stable_difference(printed, expected, again)
    assert found.startswith(difference) if difference else found == ""
