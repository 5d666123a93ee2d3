"""The notebook's own lines are kept; what of them mypy cannot follow is let pass, and only that."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nbprod.emit.annotation import Annotations
from nbprod.emit.project import render_project
from nbprod.emit.typing_gap import author_typing_gaps
from nbprod.emit.write import write_project
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from nbprod.pipeline.ir import Pipeline

FOUND = {
    "parameters of several types": (
        "assignment",
        "params = {}\nparams['objective'] = 'x'\nparams['classes'] = 2",
    ),
    "a list of several types": ("arg-type", "rows = [1]\nrows.append('two')"),
    "empty lists in a display": ("var-annotated", "grid = {'neurons': [], 'score': []}"),
    "empty containers in one line": ("var-annotated", "names, table = [], {}\nprint(names, table)"),
    "empty lists under keys": ("var-annotated", "under = dict.fromkeys('ab', [])\nprint(under)"),
    "empty lists in a comprehension": ("var-annotated", "times = {key: [] for key in 'ab'}"),
    "a default of the library's": (
        "var-annotated",
        "from collections import defaultdict\nimport fractions\n"
        "found = defaultdict(fractions.Fraction)\nfound['a'] += 1",
    ),
    "a match": ("union-attr", "import re\nname = re.match('a+', 'aab').group()"),
    "a named match": ("union-attr", "import re\nm = re.search('a+', 'aab')\nprint(m.group())"),
    "an end without return": (
        "return",
        "def choose(how: str) -> list:\n    if how == 'a':\n        return [1]\nprint(choose('a'))",
    ),
    "a list that a function fills": (
        "var-annotated",
        "seen = []\ndef note(each):\n    seen.append(each)\nnote(1)\nprint(seen)",
    ),
    "an empty list of a class": ("var-annotated", "class Bag:\n    items = []\nprint(Bag.items)"),
    "an attribute of an instance": (
        "attr-defined",
        "class Box:\n    pass\nbox = Box()\nbox.size = 1\nprint(box.size)",
    ),
    "an attribute of a function": (
        "attr-defined",
        "def counted():\n    counted.calls += 1\ncounted.calls = 0\ncounted()",
    ),
    "a method that becomes another": (
        "method-assign",
        "class Shop:\n    def price(self) -> int:\n        return 1\n"
        "Shop.price = lambda self: 2\nprint(Shop().price())",
    ),
    "a method without self": (
        "misc",
        "class Tool:\n    def name() -> str:\n        return 'tool'\nprint(Tool.name())",
    ),
}
CLEAN = {
    "one type": "params = {}\nparams['a'] = 1\nparams['b'] = 2\nprint(params)",
    "whole numbers among floats": "rows = [1.5]\nrows.append(2)\nprint(rows)",
    "filled lists": "grid = {'neurons': [1], 'score': [2]}\nprint(grid)",
    "attributes of what a function gives": (
        "def made(size):\n    return [size]\nboxes = made(1)\nboxes.append(2)\nprint(boxes)"
    ),
    "attributes that a class has": (
        "class Room:\n    def __init__(self, size: int) -> None:\n        self.size = size\n"
        "room = Room(1)\nroom.size = 2\nprint(room.size)"
    ),
    "a match that is asked for": (
        "import re\nm = re.search('a+', 'aab')\nif m:\n    print(m.group())"
    ),
    "a return on each way": (
        "def choose(how: str) -> int:\n    if how == 'a':\n        return 1\n"
        "    else:\n        return 2\nprint(choose('a'))"
    ),
    "a raise at the end": (
        "def choose(how: str) -> int:\n    try:\n        return int(how)\n"
        "    except ValueError:\n        raise\nprint(choose('1'))"
    ),
}


def pipeline_of(*cells: str) -> Pipeline:
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    document["cells"] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": [f"step:part_{number}"]},
            "source": textwrap.dedent(source),
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(cells)
    ]
    pipeline, _ = build(read_notebook_text(json.dumps(document), "demo.ipynb"))
    assert pipeline is not None
    return pipeline


def options(pipeline: Pipeline) -> str:
    return " ".join(option for gap in author_typing_gaps(pipeline) for option in gap.options)


@pytest.mark.parametrize("name", FOUND)
def test_what_mypy_cannot_follow_is_found(name):
    code, source = FOUND[name]
    assert f'"{code}"' in options(pipeline_of(source))


@pytest.mark.parametrize("name", CLEAN)
def test_what_mypy_can_follow_is_let_alone(name):
    assert "disable_error_code" not in options(pipeline_of(CLEAN[name]))


def test_a_variable_that_becomes_something_unknown_has_no_type():
    pipeline = pipeline_of(
        "import library\ntotal = 0\nitems = range(3)",
        "for each in items:\n    total += library.predict(each)\ntotal /= 3",
        "items = list(items)\nprint(total, items)",
        "print(items)",
    )
    types = Annotations.of(pipeline)
    assert types.variable("total").text == types.variable("items").text == "Any"


def test_generics_of_modules_are_completed():
    pipeline = pipeline_of(
        "import collections\nimport types\nbase = {'a': 1}\n"
        "shown = types.MappingProxyType(base)\nchain = collections.ChainMap({}, base)",
        "print(shown, chain)",
    )
    types = Annotations.of(pipeline)
    assert types.variable("shown").text == "types.MappingProxyType[Any, Any]"
    assert types.variable("chain").text == "collections.ChainMap[Any, Any]"


@pytest.mark.slow
def test_the_project_of_all_of_them_passes_mypy(tmp_path: Path):
    project = render_project(
        pipeline_of(
            *(source for _, source in FOUND.values()),
            *CLEAN.values(),
            "import numpy as np\ntotal = 0\nitems = range(3)",
            "for each in items:\n    total += np.ones(2)\ntotal /= 3",
            "items = list(items)\nprint(total, items)",
            "print(items, params, rows, grid, times, found, name)",
        )
    )
    write_project(project, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
