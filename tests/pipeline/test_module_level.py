"""What stands at module level of the package: only what is the same before any cell has run."""

from __future__ import annotations

import json

import pytest

from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build

ENGINE = "@dataclass\nclass Conf:\n    a: int = 1\n    b: list = field(default_factory=list)\n"


def built(*cells, **modules):
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {},
                "source": source,
                "execution_count": None,
                "outputs": [],
            }
            for number, source in enumerate(cells)
        ],
    }
    sources = {f"{name.replace('__', '/')}.py": text.encode() for name, text in modules.items()}
    pipeline, _ = build(read_notebook_text(json.dumps(document)), local_sources=sources)
    assert pipeline is not None
    return pipeline


def hoisted(*cells, **modules):
    return {each.name for each in built(*cells, **modules).definitions if each.hoisted}


@pytest.mark.parametrize(
    "source",
    [
        "import re, logging\nlog = logging.getLogger(__name__)\nWORD = re.compile('a+')\n",
        "from dataclasses import dataclass, field\n" + ENGINE + "CONF = Conf()\n",
        "import numpy as np\nRNG = np.random.default_rng(0)\nONE = np.float64(1)\n",
        "from pathlib import Path\nHERE = Path(__file__).parent / 'data'\n",
        "REG = {}\ndef put(f):\n    REG[f.__name__] = f\n    return f\n@put\ndef g(): pass\n",
        "if __name__ == '__main__':\n    print('run')\n",
        "def read():\n    return open('x').read()\n",
        "try:\n    import fast\nexcept ImportError:\n    fast = None\n",
    ],
)
def test_imports_of_quiet_modules_stand_at_module_level(source):
    assert "own" in hoisted("import own\nx = own", "y = x", own=source)


@pytest.mark.parametrize(
    "source",
    [
        "print('hello')\n",
        "import os\nMODE = os.environ.get('MODE')\n",
        "from os import environ\nMODE = environ['MODE']\n",
        "import json\nK = json.load(open('x.json'))\n",
        "import numpy as np\nnp.random.seed(0)\n",
        "import numpy as np\nRNG = np.random.default_rng()\n",
        "import pandas as pd\npd.options.display.precision = 1\n",
        "import time\nSTARTED = time.time()\n",
        "import sys\nsys.path.append('lib')\n",
        "def setup():\n    print('x')\nsetup()\n",
        "def deco(f):\n    print(f)\n    return f\n@deco\ndef g(): pass\n",
        "class A:\n    print('made')\n",
        "import this\n",
        "VALUES = [print(i) for i in range(2)]\n",
        "import other\nother.start()\n",
        "import other\nother.NAMES.append(1)\n",
        "from noisy import VALUE\n",
        "def (:\n",
    ],
)
def test_imports_of_modules_with_effects_stay_where_they_are(source):
    modules = {
        "own": source,
        "noisy": "print(1)\nVALUE = 1\n",
        "other": "NAMES = []\ndef start():\n    print('x')\n",
    }
    pipeline = built("a = 1", "import own\nx = own.X", "y = x + a", **modules)
    assert "own" not in {each.name for each in pipeline.definitions}
    assert any("import own" in b.source for step in pipeline.steps for b in step.blocks)


@pytest.mark.parametrize(
    ("before", "stays"),
    [
        ("import sys\nsys.path.append('lib')", True),
        ("import sys\nsys.path.insert(0, 'lib')", False),
        ("from sys import path\npath.insert(0, 'lib')", False),
        ("import os\nos.chdir('inner')", False),
        ("%cd inner", False),
        ("import sys\ndel sys.modules['own']", False),
        ("open('own.py', 'w').write('X = 2')", False),
        ("open('rows.csv', 'w').write('1')", True),
    ],
)
def test_a_quiet_module_is_imported_first_unless_another_file_may_be_found(before, stays):
    assert ("own" in hoisted(before, "import own\nx = own.X", "print(x)", own="X = 1\n")) is stays


@pytest.mark.parametrize("before", ["import os\nos.chdir('b')", "open('own.py', 'w').write('1')"])
def test_a_module_that_is_found_anew_has_no_copy_in_the_project(before):
    assert not built(before, "import own\nx = own.X", own="X = 1\n").local_modules


@pytest.mark.parametrize(
    "body",
    [
        "x = field(default_factory=lambda: time.time())",
        "x = enum.auto()",
        "x = re.compile('a')",
        "x = Path('x')",
        "x = np.float64(1)",
        "T = TypeVar('T')",
        "x = f'{1 + 1}'",
        "@property\n    def type(self): return 1\n    @type.setter\n    def type(self, v): pass",
        "@staticmethod\n    def f(): print('later')",
        "x = sorted('ba', key=lambda c: c)",
        "x = half(4)",
    ],
)
def test_classes_with_ordinary_bodies_stand_at_module_level(body):
    imports = (
        "import enum, re, time\nimport numpy as np\nfrom pathlib import Path\n"
        "from dataclasses import field\nfrom typing import TypeVar\ndef half(x): return x / 2"
    )
    assert "K" in hoisted(imports, f"class K:\n    {body}", "k = K", "print(k)")


@pytest.mark.parametrize(
    "body",
    [
        "x = random.random()",
        "x = os.environ['A']",
        "x = open('a').read()",
        "print('made')",
        "x = draw()",
        "x = [random.random() for _ in range(2)]",
        "x = (lambda: random.random())()",
        "x = sorted('ba', key=lambda c: random.random())",
        "def f(self, x=random.random()): pass",
        "n = 5\n    x = [n for _ in range(2)]",
        "n = 5\n    x = (lambda: n)()",
        "n = 5\n    class L:\n        x = n",
    ],
)
def test_classes_whose_bodies_have_or_see_effects_are_made_in_their_step(body):
    cells = ["import os, random\nn = 1", "def draw(): return random.random()"]
    pipeline = built(*cells, f"class K:\n    {body}", "n = 3", "print(n, K)")
    assert "K" not in {each.name for each in pipeline.definitions}


def test_a_class_reads_what_the_notebook_set_of_a_module():
    cells = ["import own\nown.X = 2", "class K:\n    x = own.X", "print(K)"]
    assert "K" not in hoisted(*cells, own="X = 1\n")


def test_annotations_that_stay_text_read_no_names():
    cells = ["from __future__ import annotations", "def f(a: Unknown) -> str: return 1", "x = f(1)"]
    pipeline = built(*cells)
    assert pipeline.definitions[0].source == "from __future__ import annotations"
    assert hoisted(*cells) >= {"f"}


FITTED = """
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import StandardScaler
model = ColumnTransformer([("numbers", StandardScaler(), CONFIG["numbers"])])
model.fit([[1.0, 2.0]])
"""


@pytest.mark.parametrize(
    ("change", "stays"),
    [("", True), ("CONFIG['numbers'].append(1)", False), ("CONFIG['limit'] = 2", False)],
)
def test_settings_that_an_estimator_is_given_stand_at_module_level(change, stays):
    """Fitting changes estimators, not the lists and dicts of plain values that they hold."""
    settings = "CONFIG = {'numbers': [0], 'limit': 1}"
    reader = "class Clipper:\n    def __init__(self, limit=CONFIG['limit']):\n        pass"
    found = hoisted(settings, reader, FITTED, change, "print(CONFIG, Clipper)")
    assert ({"CONFIG", "Clipper"} <= found) is stays
