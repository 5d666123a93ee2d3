"""Magics without their sign: what IPython takes for one, and what stays Python."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbprod.notebook.automagic import as_magic

LINES = (
    *("pwd", "ls -l", "pip install pandas", "cat f.txt", "time x = 1", "who", "\n\npwd", "  cd .."),
    *("ls = 3", "ls == 3", "cat, dog = 1, 2", "time.sleep(1)", "pwd\n", "pwd\n\n", "# here\npwd"),
    *("x = 1\npwd", "nothing", "print(1)", "def", "history", "pwd;", "lsmagic", "%pwd", "!ls"),
    *("ls.x", "*ls", "whos int", "run f.py", "(pwd)", "pwd # where", "clear_all", "time(3)"),
)


@pytest.fixture(scope="module")
def shell():
    found = InteractiveShell()
    found.user_ns["history"] = {}
    return found


@pytest.mark.parametrize("line", LINES)
def test_ipython_would_take_the_same_for_magics(shell, line):
    by_ipython = "get_ipython()" in shell.transform_cell(line)
    ours = as_magic(line, {"history"})
    assert (ours != line or line in ("%pwd", "!ls")) is by_ipython
    if ours != line:
        assert shell.transform_cell(ours) == shell.transform_cell(line)


def test_where_nobody_knows_the_names_python_goes_first():
    assert as_magic("history") == "history"
    assert as_magic("pip install pandas") == "%pip install pandas"
