"""``__file__`` in code that is meant for modules and notebooks."""

from __future__ import annotations

import pytest

from nbprod.notebook.own_file import without_own_file

IDIOM = """\
x = 1
try:
    HERE = Path(__file__).resolve().parent
except NameError:
    # in a notebook
    HERE = Path.cwd()
y = 2
"""


def test_what_except_says_counts_and_lines_stay_where_they_are() -> None:
    assert without_own_file(IDIOM) == ("x = 1\n\n\n\n\nHERE = Path.cwd()\ny = 2\n", 2)


@pytest.mark.parametrize(
    "asks",
    [
        "here = os.path.dirname(os.path.abspath(__file__))",
        "here = os.path.join(os.path.dirname(__file__), 'data')",
        "here: Path = Path(__file__).parents[1] / 'data'",
        "__file__",
        "sys.path.append(os.path.dirname(__file__))",
    ],
)
@pytest.mark.parametrize("kind", ["except NameError", "except", "except (NameError, TypeError)"])
def test_ways_to_ask(asks: str, kind: str) -> None:
    source = f"try:\n    {asks}\n{kind}:\n    here = '.'\nelse:\n    print(here)\n"
    given: dict[str, object] = {}
    exec("import os, sys\nfrom pathlib import Path\n" + source, given)  # what the notebook does
    found, line = without_own_file(source)
    now: dict[str, object] = {}
    exec(found, now)
    assert line == 1
    assert now["here"] == given["here"] == "."


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    print('asked')\n    here = __file__\nexcept NameError:\n    here = '.'\n",
        "try:\n    here = f(g(), __file__)\nexcept NameError:\n    here = '.'\n",
        "try:\n    here = __file__ if x else ''\nexcept NameError:\n    here = '.'\n",
        "try:\n    here = __file__\nexcept NameError as error:\n    print(error)\n",
        "try:\n    here = __file__\nexcept KeyError:\n    here = '.'\n",
        "try:\n    here = __file__\nexcept NameError:\n    here = '.'\nfinally:\n    print(1)\n",
        "try:\n    here = __file__\nexcept NameError: here = '.'\n",
        "__file__ = 'x.py'\ntry:\n    here = __file__\nexcept NameError:\n    here = '.'\n",
        "try:\n    here = __file__\nexcept NameError:\n    here = '''\n.'''\n",
        "here = __file__\n",
    ],
)
def test_code_that_means_more_stays_as_it_is(source: str) -> None:
    assert without_own_file(source) == (source, 0)


def test_a_notebook_that_binds_the_name_has_it() -> None:
    assert without_own_file(IDIOM, {"__file__"}) == (IDIOM, 0)
