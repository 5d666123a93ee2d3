"""What a converter leaves out or moves because it seems to do nothing."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "pictures at a cell's end that draw themselves",
        """
# %% load
import numpy as np
import seaborn.objects as so
from PIL import Image
pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
# %% draw
so.Plot([1, 2, 3], [2, 4, 8]).add(so.Line())
# %% show
small = Image.fromarray(pixels).resize((4, 4))
small.rotate(90)
# %% last
print(small.size)
small
""",
    ),
    Hazard(
        "an own repr that prints and counts",
        """
# %% make
class Model:
    def __init__(self):
        self.asked = 0
    def __repr__(self):
        self.asked += 1
        print("asked", self.asked)
        return "Model"
model = Model()
model
# %% look
[model, 1]
# %% look
print(model.asked)
# %% look
model.asked;
""",
    ),
    Hazard(
        "the own folder is listed",
        """
# %% load
import glob, os, shutil
from pathlib import Path
os.makedirs("data", exist_ok=True)
Path("data/a.csv").write_text("1")
# %% work
others = ("hazard", "out", "pipeline_project")  # what the suite itself puts there
names = sorted(name for name in os.listdir(".") if not name.startswith(others))
count = sum(name in {"a.csv", "record.json"} for _, _, files in os.walk(".") for name in files)
# %% show
print(names, count, list(Path().rglob("record.json")))
folders = [each.name for each in os.scandir() if each.is_dir()]
folders += glob.glob("*/", include_hidden=True)
print(sorted(name for name in folders if not name.startswith(others)))
""",
    ),
    Hazard(
        "an object of a notebook's class in a file",
        """
# %% load
import pickle
class Scaler:
    def __init__(self, by):
        self.by = by
    def apply(self, values):
        return [self.by * each for each in values]
scaler = Scaler(3)
with open("scaler.pkl", "wb") as file:
    pickle.dump(scaler, file)
# %% use
with open("scaler.pkl", "rb") as file:
    again = pickle.load(file)
result = again.apply([1, 2])
# %% show
import os
os.remove("scaler.pkl")
print(result, isinstance(again, Scaler))
""",
    ),
    Hazard(
        "a file renamed and a thread joined at a cell's end",
        """
# %% load
import threading, time
from pathlib import Path
path = Path("a.txt")
path.write_text("x")
path.rename("b.txt")
# %% work
found = []
def work():
    time.sleep(0.3)
    found.append(42)
thread = threading.Thread(target=work)
thread.start()
thread.join()
# %% work
print(len(found))
del thread
# %% show
print(found, Path("b.txt").exists(), Path("a.txt").exists())
""",
    ),
    Hazard(
        "a generator used up at a cell's end",
        """
# %% load
squares = (i * i for i in range(5))
first = next(squares)
list(squares)
# %% load
rest = sum(squares)
del squares
# %% load
chunks = iter([1, 2, 3])
2 in chunks
# %% load
left = list(chunks)
del chunks
# %% show
print(first, rest, left)
""",
    ),
    Hazard(
        "operators of a notebook's class at a cell's end",
        """
# %% load
class Task:
    def __init__(self, name):
        self.name = name
        self.down = []
    def __rshift__(self, other):
        self.down.append(other.name)
        return other
    def __lt__(self, other):
        self.down.append(f"<{other.name}")
        return True
tasks = [Task("a"), Task("b"), Task("c")]
a, b, c = tasks
# %% load
a >> b >> c
# %% load
tasks[0] < b
# %% load
sorted([a, tasks[2]])
# %% show
print(a.down, b.down, c.down)
""",
    ),
    Hazard(
        "functions given to a library at a cell's end",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"g": list("aab"), "v": [1, 2, 3]})
seen = []
def noisy(values):
    seen.append(len(values))
    return values.sum()
def key(x):
    seen.append(x)
    return -x
# %% load
df.groupby("g").v.agg({"total": noisy}.get("total"))
# %% load
df.groupby("g").v.agg(noisy)
# %% load
sorted([3, 1, 2], key=key)
# %% load
df.query("v > @noisy(v) / 10")
# %% show
print(seen)
""",
    ),
    Hazard(
        "properties, copies and lengths of a notebook's class at a cell's end",
        """
# %% load
class Meter:
    count = 0
    @property
    def reading(self):
        self.count += 1
        print("reading", self.count)
        return self.count
    def copy(self):
        print("copied")
        return self
    def __len__(self):
        print("len")
        return 3
    def __str__(self):
        print("str")
        return "meter"
meters = [Meter()]
named = {"m": meters[0]}
meter = meters[0]
# %% load
meter.reading
# %% load
named["m"].copy()
# %% load
len(meters[0])
# %% load
f"{meters[0]}"
# %% load
not named["m"]
# %% show
print(meter.count)
""",
    ),
    Hazard(
        "a method of a library's class replaced",
        """
# %% load
import pandas as pd
setattr(pd.DataFrame, "describe", lambda self: print("described", len(self)))
setattr(pd.DataFrame, "shout", lambda self: "SHOUT %d" % len(self))
df = pd.DataFrame({"a": [1, 2, 3]})
# %% work
df.describe()
# %% show
print(df.shout())
""",
    ),
    Hazard(
        "chunks of a file used up at a cell's end",
        """
# %% load
import pandas as pd
pd.DataFrame({"a": range(10)}).to_csv("d.csv", index=False)
reader = pd.read_csv("d.csv", chunksize=4)
first = next(reader)
list(reader)
# %% load
left = [len(chunk) for chunk in reader]
del reader
# %% show
print(first, left)
""",
    ),
    Hazard(
        "settings that a library reads when it is imported",
        """
# %% load
import os
os.environ["MPLBACKEND"] = "svg"
with open("matplotlibrc", "w") as file:
    file.write("axes.facecolor: yellow\\n")
# %% load
import matplotlib
color = matplotlib.rcParams["axes.facecolor"]
backend = matplotlib.get_backend().lower()
# %% show
print(color, backend, matplotlib.rcParams["axes.facecolor"])
""",
    ),
    Hazard(
        "shell lines that install and do something else",
        """
# %% load
!pip --version > version.txt && mkdir data && echo hi > data/x.txt
# %% load
listed = !pip list
# %% show
import os
print(os.path.exists("data/x.txt"), os.path.exists("version.txt"), len(listed) > 2)
""",
    ),
    Hazard(
        "a file written under a variable's name",
        """
# %% load
name = "conf"
# %% load
%%writefile {name}.txt
alpha=1
# %% load
%%writefile "with space.txt"
beta=2
# %% show
import os
print(sorted(each for each in os.listdir(".") if each.endswith(".txt")))
""",
    ),
    Hazard(
        "a cached result that the notebook changes",
        """
# %% load
from functools import lru_cache
import pandas as pd
@lru_cache(maxsize=None)
def table(n):
    return pd.DataFrame({"a": range(n)})
df = table(3)
# %% change
df["b"] = df["a"] * 2
# %% show
print(table(3), table(3) is df)
""",
        refused_on={
            "run --isolate": "a cache lives in one process",
            "verify": "a cache lives in one process",
        },
    ),
    Hazard(
        "a global declared under an if",
        """
# %% load
flag = True
if flag:
    global level
    level = 5
for each in range(2):
    global last
    last = each
# %% show
print(level, last)
""",
    ),
    Hazard(
        "a local module imported for its effect",
        """
# %% load
import pandas as pd
import geo_accessor
df = pd.DataFrame({"a": [1, 2]})
# %% change
df.geo.total
total = df.geo.total
# %% show
print(total, df.geo.total)
""",
        files={
            "geo_accessor.py": """
import pandas as pd
@pd.api.extensions.register_dataframe_accessor("geo")
class Geo:
    def __init__(self, df):
        self._df = df
    @property
    def total(self):
        return int(self._df.a.sum())
"""
        },
    ),
    Hazard(
        "a figure saved in the cell behind",
        """
# %% draw
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
# %% draw
plt.savefig("empty.png", dpi=30)
# %% show
print("done")
""",
    ),
    Hazard(
        "a formula with a function that reads what is bound anew",
        """
# %% load
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
shift = 2
def center(values):
    return values - shift
df = pd.DataFrame({"x": [1.0, 2.0, 4.0, 7.0], "y": [1.0, 3.0, 2.0, 8.0]})
# %% load
fit = smf.ols("y ~ np.log(abs(center(x)) + 1)", df).fit()
before = fit.predict(df).round(4).tolist()
shift = 0
after = fit.predict(df).round(4).tolist()
del fit
# %% show
print(before, after)
""",
    ),
)
