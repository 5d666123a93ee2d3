"""What modules, functions and libraries keep between steps, and no variable shows."""

from __future__ import annotations

from tests.hazards.hazard import Hazard

HAZARDS: tuple[Hazard, ...] = (
    Hazard(
        "settings of a module in another folder",
        """
# %%
import sys
sys.path.append("../hazard_elsewhere")
import hazard_settings
# %% setup
hazard_settings.configure(factor=3)
values = [1, 2]
# %% use
scaled = hazard_settings.scale(values)
# %% show
print(scaled, hazard_settings.OPTIONS)
""",
        files={
            "../hazard_elsewhere/hazard_settings.py": 'OPTIONS = {"factor": 1}\n'
            "def configure(**options):\n    OPTIONS.update(options)\n"
            'def scale(values):\n    return [v * OPTIONS["factor"] for v in values]\n',
        },
    ),
    Hazard(
        "functions of an own module that count, collect and memoize",
        """
# %%
import hazard_keepers
# %% fill
hazard_keepers.collect("a")
hazard_keepers.counted(1)
hazard_keepers.counted(2)
first = hazard_keepers.remembered(3)
first.append(4)
hazard_keepers.Basket().put("x")
hazard_keepers.Basket.note("m")
hazard_keepers.Basket.mark("p")
# %% use
items = hazard_keepers.collect("b")
calls = hazard_keepers.counted.calls
second = hazard_keepers.remembered(3)
basket = hazard_keepers.Basket().put("y")
basket += hazard_keepers.Basket.note("n") + hazard_keepers.Basket.mark("q")
# %% show
print(items, calls, second, basket, hazard_keepers.step())
""",
        files={
            "hazard_keepers.py": """\
def collect(item, items=[]):
    items.append(item)
    return items


def counted(x):
    counted.calls = getattr(counted, "calls", 0) + 1
    return x


def memoize(function):
    results = {}

    def inner(n):
        if n not in results:
            results[n] = function(n)
        return results[n]

    return inner


@memoize
def remembered(n):
    return list(range(n))


def make_step():
    at = 0

    def step():
        nonlocal at
        at += 1
        return at

    return step


step = make_step()


class Basket:
    def put(self, item, items=[]):
        items.append(item)
        return items

    @staticmethod
    def note(item, items=[]):
        items.append(item)
        return items

    @classmethod
    def mark(cls, item, items=[]):
        items.append(item)
        return items
""",
        },
    ),
    Hazard(
        "dataclass with a computed default is inherited from in a later step",
        """
# %% parameters
LR = 0.5
# %% base
from dataclasses import dataclass, field, fields
@dataclass
class Config:
    name: str
    lr: float = LR
    layers: list = field(default_factory=lambda: [LR])
config = Config("small")
# %% derived
@dataclass
class Larger(Config):
    depth: int = 3
larger = Larger("large")
# %% show
print(config, larger, [each.name for each in fields(larger)])
""",
    ),
    Hazard(
        "argument parser made in one step and used in another",
        """
# %% define
import argparse
parser = argparse.ArgumentParser(prog="train")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--name", default=argparse.SUPPRESS)
# %% parse
arguments = parser.parse_args([])
# %% show
print(arguments)
""",
    ),
    Hazard(
        "memory of a frame whose index was searched",
        """
# %% load
import pandas as pd
frame = pd.DataFrame({"id": [30, 10, 20], "v": [1.0, 2.0, 3.0]}).set_index("id")
found = frame.loc[10, "v"]
# %% look
frame.info()
# %% show
print(found, int(frame.memory_usage().sum()))
""",
    ),
    Hazard(
        "style of plots that a step adds to the library",
        """
# %% setup
import matplotlib.pyplot as plt
plt.style.library["house"] = {"lines.linewidth": 7.0}
# %% draw
with plt.style.context("house"):
    line, = plt.plot([1, 2])
    width = line.get_linewidth()
plt.close("all")
# %% show
print(width)
""",
    ),
    Hazard(
        "how long lists are shown in short",
        """
# %% setup
import reprlib
reprlib.aRepr.maxlist = 2
# %% use
text = reprlib.repr([1, 2, 3, 4])
# %% show
print(text)
""",
    ),
    Hazard(
        "function with a computed default reads what an earlier step made",
        """
# %% load
rule = "-" * 3
# %% define
lines = str.splitlines
def parse(text, sections=lines):
    return sections(rule + text)
# %% use
parsed = parse("a b")
# %% show
print(parsed)
""",
    ),
    Hazard(
        "function with a computed default calls one that stands below it",
        """
# %% define
rule = "-" * 3
lines = str.splitlines
def parse(text, sections=lines):
    return sections(ascii(text))
def ascii(text):
    return rule + text
# %% use
parsed = parse("a b")
# %% show
print(parsed)
""",
    ),
    Hazard(
        "function that displays",
        """
# %% define
def theorem(text):
    display(text)
    return len(text)
# %% use
length = theorem("One")
# %% show
print(length)
""",
    ),
    Hazard(
        "folder put before the notebook's own",
        """
# %% setup
import sys
sys.path.insert(0, "hazard_first")
# %% use
import hazard_twin
where = hazard_twin.WHERE
# %% show
print(where)
""",
        files={
            "hazard_twin.py": 'WHERE = "beside"\n',
            "hazard_first/hazard_twin.py": 'WHERE = "first"\n',
        },
    ),
    Hazard(
        "options that a library keeps in a dict of its module",
        """
# %%
import dask
# %% setup
dask.config.set({"hazard.rows": 5})
# %% load
rows = list(range(dask.config.get("hazard.rows", 2)))
# %% show
print(dask.config.get("hazard.rows", 2), rows)
""",
    ),
    Hazard(
        "a function of the notebook's that sets a library's options",
        """
# %% setup
from dask.config import get, set as configure

def prepare(rows):
    configure({"hazard.rows": rows})
    return rows
# %% prepare
wanted = prepare(4)
# %% show
print(get("hazard.rows", 2), wanted)
""",
    ),
    Hazard(
        "an own module that sets a library's options",
        """
# %%
import hazard_options
# %% setup
hazard_options.prepare(3)
# %% load
rows = list(range(hazard_options.rows()))
# %% show
import dask
print(rows, dask.config.get("hazard.rows", 2))
""",
        files={
            "hazard_options.py": "import dask\n\n\n"
            'def prepare(rows):\n    dask.config.set({"hazard.rows": rows})\n\n\n'
            'def rows():\n    return dask.config.get("hazard.rows", 2)\n'
        },
    ),
    Hazard(
        "options of plots with a dict of their own",
        """
# %%
import pandas as pd
# %% setup
pd.plotting.plot_params["x_compat"] = True
# %% load
series = pd.Series([1, 2, 3])
# %% show
print(pd.plotting.plot_params["xaxis.compat"], series.sum())
""",
    ),
    Hazard(
        "options of a library that are imported by name",
        """
# %% setup
from pandas.plotting import plot_params
plot_params["x_compat"] = True
# %% other
count = 1
# %% show
import pandas as pd
print(pd.plotting.plot_params["xaxis.compat"], count)
""",
    ),
    Hazard(
        "a file system in memory",
        """
# %%
import fsspec
# %% write
with fsspec.open("memory://hazard/a.txt", "w") as file:
    file.write("kept")
# %% other
count = 1
# %% show
with fsspec.open("memory://hazard/a.txt") as file:
    print(file.read(), count, fsspec.filesystem("memory").ls("/hazard", detail=False))
""",
    ),
    Hazard(
        "a handler for errors of encodings",
        """
# %% setup
import codecs
codecs.register_error("hazard", lambda error: ("<?>", error.end))
# %% load
text = "caf\\u00e9"
# %% show
print(text.encode("ascii", errors="hazard"))
""",
    ),
    Hazard(
        "memory that objects of libraries show",
        """
# %%
import numpy as np
import pyarrow as pa
from scipy.spatial import cKDTree
# %% load
values = np.arange(6.0)
shown = pa.array(values)
points = values.reshape(3, 2)
tree = cKDTree(points)
# %% change
values[0] = 99
# %% show
print(shown[0], tree.data.tolist(), values)
""",
        refused_on={
            "run --isolate": "memory that two objects show cannot be taken along",
            "verify": "memory that two objects show cannot be taken along",
        },
    ),
    Hazard(
        "memory that objects of libraries show and nobody changes",
        """
# %%
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.spatial import cKDTree
# %% load
points = np.arange(6.0).reshape(3, 2)
tree = cKDTree(points)
frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
table = pa.Table.from_pandas(frame)
# %% change
points = points * 10
frame["c"] = frame["a"] + frame["b"]
# %% show
print(tree.data.tolist(), points, frame, table)
""",
    ),
)
