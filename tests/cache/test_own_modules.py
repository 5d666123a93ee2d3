"""The author's own modules, wherever they lie: what they do, read and keep."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

ELSEWHERE = "import sys\nsys.path.append('../src')\n"


def write(place, name, text):
    path = place.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_modules_in_another_folder(place, monkeypatch):
    source = (
        "import os\nfrom steps import twice\ndef mode():\n    return os.getenv('NBPROD_TEST_X')\n"
    )
    write(place, "../src/helpers.py", source)
    write(place, "../src/steps.py", "def twice(x):\n    return 2 * x\n")
    place.write(
        f"{ELSEWHERE}import helpers",
        ("value = helpers.twice(4)\nprint(value)", ["step:use"]),
        ("print(helpers.mode())", ["step:environment"]),
        ("print('end')", ["step:end"]),
    )
    monkeypatch.setenv("NBPROD_TEST_X", "a")
    place.run()
    assert place.run().computed == set()
    write(place, "../src/helpers.py", f"# what it helps with\n{source}")
    assert place.run().computed == set()
    write(place, "../src/steps.py", "def twice(x):\n    return x + x + 1\n")
    found = place.same()
    assert found.text == "9\na\nend\n"
    assert "end" in found.cached
    monkeypatch.setenv("NBPROD_TEST_X", "b")
    assert place.same().text == "9\nb\nend\n"


def test_settings_of_a_module_in_another_folder_that_may_have_another_beside_it(place):
    write(
        place,
        "../src/settings.py",
        "OPTIONS = {'rate': 1}\ntry:\n    from local_settings import *\nexcept ImportError:\n"
        "    pass\ndef configure(**options):\n    OPTIONS.update(options)\n",
    )
    place.write(
        f"{ELSEWHERE}import settings",
        ("settings.configure(rate=2)", ["step:setup"]),
        ("print(settings.OPTIONS)", ["step:use"]),
        ("print(getattr(settings, 'LIMIT', 0))", ["step:limit"]),
    )
    assert place.run().text == "{'rate': 2}\n0\n"
    place.change(3, "print(", "print('with', ")
    assert place.same().text == "with {'rate': 2}\n0\n"
    place.change(2, "rate=2", "rate=3")
    assert place.same().text == "with {'rate': 3}\n0\n"
    write(place, "../src/local_settings.py", "LIMIT = 7\n")
    assert place.same().text == "with {'rate': 3}\n7\n"


def test_what_functions_and_objects_of_own_modules_keep(place):
    write(
        place,
        "keeping.py",
        "import functools, threading\n"
        "def memoize(function):\n    results = {}\n    def inner(name):\n"
        "        if name not in results:\n            results[name] = function(name)\n"
        "        return results[name]\n    return inner\n"
        "@memoize\ndef load(name):\n    with open(name) as file:\n        return file.read()\n"
        "@functools.lru_cache\ndef load_once(name):\n    with open(name) as file:\n"
        "        return file.read()\n"
        "class Registry:\n    def __init__(self):\n        self.local = threading.local()\n"
        "        self.items = {}\nregistry = Registry()\n",
    )
    write(place, "a.txt", "old")
    place.write(
        "from keeping import load, load_once, registry",
        ("name = 'a'\nprint(len(load(f'{name}.txt')))", ["step:length"]),
        ("print(load(f'{name}.txt'))", ["step:text"]),
        ("print(len(load_once(f'{name}.txt')))", ["step:once"]),
        ("print(load_once(f'{name}.txt'))", ["step:again"]),
        ("registry.items['x'] = 1", ["step:fill"]),
        ("print(registry.items)", ["step:show"]),
    )
    assert place.run().text == "3\nold\n3\nold\n{'x': 1}\n"
    write(place, "a.txt", "new")
    place.change(6, "= 1", "= 2")
    assert place.same().text == "3\nnew\n3\nnew\n{'x': 2}\n"


def test_what_an_own_module_gives_a_library(place):
    source = (
        "import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('mine')\n"
        "class Mine:\n    def __init__(self, frame):\n        self.frame = frame\n"
        "    def total(self):\n        return int(self.frame['a'].sum())\n"
    )
    write(place, "accessors.py", source)
    place.write(
        "import pandas as pd\nimport accessors",
        ("frame = pd.DataFrame({'a': [1, 2]})", ["step:load"]),
        ("print(frame.mine.total())", ["step:use"]),
    )
    assert place.run().text == "3\n"
    write(place, "accessors.py", source.replace("sum()", "max()"))
    assert place.same().text == "2\n"


def test_modules_that_no_cell_names(place, monkeypatch):
    write(place, "model_a.py", "import os\ndef f():\n    return os.getenv('NBPROD_TEST_X')\n")
    write(place, "config.json", '{"model": "model_a"}')
    place.write(
        "import importlib, json",
        (
            "with open('config.json') as file:\n    name = json.load(file)['model']\n"
            "print(importlib.import_module(name).f())",
            ["step:use"],
        ),
    )
    monkeypatch.setenv("NBPROD_TEST_X", "a")
    found = place.run()
    assert found.text == "a\n"
    assert "model_a.py, which no cell names" in found.why("use")
    monkeypatch.setenv("NBPROD_TEST_X", "b")
    assert place.run().text == "b\n"
