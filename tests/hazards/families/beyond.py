"""What nobody thinks of: containers of aliases, patched objects, settings far away."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "alias kept in a dict of lists in a tuple",
        """
# %% load
rows = [1]
store = ({"rows": [rows]}, "tag")
# %% change
store[0]["rows"][0].append(2)
# %% more
rows.append(3)
# %% show
print(rows, store, store[0]["rows"][0] is rows)
""",
    ),
    Hazard(
        "closure in a container over a list that is a variable",
        """
# %% load
log = []
handlers = {"note": lambda text: log.append(text)}
# %% change
handlers["note"]("a")
# %% more
log.append("b")
# %% show
handlers["note"]("c")
print(log)
""",
    ),
    Hazard(
        "object array view kept in an instance",
        """
# %% load
import numpy as np
class Model:
    def __init__(self, weights):
        self.weights = weights
        self.head = weights[:2]
weights = np.zeros(4)
model = Model(weights)
# %% change
model.head += 1
# %% more
weights[3] = 9
# %% show
print(weights, model.weights, model.head)
""",
    ),
    Hazard(
        "numpy generator with a bit generator of its own",
        """
# %% load
import numpy as np
bits = np.random.PCG64(7)
rng = np.random.Generator(bits)
# %% one
a = rng.random()
# %% two
b = bits.random_raw()
# %% show
print(a, b, rng.random())
""",
    ),
    Hazard(
        "spawned random generators",
        """
# %% load
import numpy as np
children = [np.random.default_rng(s) for s in np.random.SeedSequence(3).spawn(2)]
# %% one
a = children[0].random()
# %% two
b = children[1].random()
# %% show
print(a, b, children[0].random())
""",
    ),
    Hazard(
        "random.SystemRandom and a seeded one side by side",
        """
# %% load
import random
sure = random.Random(1)
other = random.SystemRandom()
# %% one
a = sure.random()
b = 0 <= other.random() < 1
# %% show
print(a, b, sure.random())
""",
    ),
    Hazard(
        "pandas accessor registered by the notebook",
        """
# %% load
import pandas as pd
@pd.api.extensions.register_dataframe_accessor("geo")
class Geo:
    def __init__(self, frame):
        self._frame = frame
    def total(self):
        return int(self._frame["a"].sum())
df = pd.DataFrame({"a": [1, 2]})
# %% change
first = df.geo.total()
# %% show
print(first, df.assign(a=5).geo.total())
""",
    ),
    Hazard(
        "option context used and left",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1 / 3]})
# %% change
with pd.option_context("display.precision", 2):
    text = str(df)
# %% show
print(text, df)
""",
    ),
    Hazard(
        "numpy error state and warnings as errors",
        """
# %% load
import warnings
import numpy as np
np.seterr(all="raise")
# %% change
try:
    np.float64(1) / np.float64(0)
    caught = False
except FloatingPointError:
    caught = True
# %% show
print(caught, np.geterr()["over"])
""",
    ),
    Hazard(
        "decimal rounding and traps",
        """
# %% load
import decimal
decimal.getcontext().rounding = decimal.ROUND_UP
decimal.getcontext().traps[decimal.DivisionByZero] = False
# %% change
a = decimal.Decimal("1.25").quantize(decimal.Decimal("0.1"))
# %% show
print(a, decimal.Decimal(1) / 0)
""",
    ),
    Hazard(
        "print and open replaced by functions of the notebook",
        """
# %% load
lines = []
def note(*parts):
    lines.append(" ".join(map(str, parts)))
print_before = print
# %% change
note("one", 2)
# %% show
print_before(lines)
""",
    ),
    Hazard(
        "attribute put on a function and on a module of the notebook's own",
        """
# %% load
import types
tools = types.SimpleNamespace(count=0)
def work():
    tools.count += 1
    work.last = tools.count
work()
# %% change
work()
# %% show
print(tools.count, work.last)
""",
    ),
    Hazard(
        "exception object handled later",
        """
# %% load
failures = []
for text in ["1", "x", "3", None]:
    try:
        int(text)
    except (ValueError, TypeError) as error:
        failures.append(error)
# %% change
kinds = [type(each).__name__ for each in failures]
# %% show
print(kinds, str(failures[0]))
""",
    ),
    Hazard(
        "exception group and notes",
        """
# %% load
error = ValueError("bad")
error.add_note("row 3")
group = ExceptionGroup("all", [error, KeyError("k")])
# %% change
matching, rest = group.split(ValueError)
# %% show
print(matching.exceptions[0].__notes__, rest.exceptions)
""",
    ),
    Hazard(
        "try, else and finally that bind names",
        """
# %% load
data = {"a": 1}
# %% change
try:
    value = data["a"]
except KeyError:
    value = None
else:
    found = True
finally:
    done = "yes"
# %% show
print(value, found, done)
""",
    ),
    Hazard(
        "class with a counter in a closure and __slots__",
        """
# %% load
def counter():
    seen = []
    class Item:
        __slots__ = ("n",)
        def __init__(self, n):
            self.n = n
            seen.append(n)
    return Item, seen
Item, seen = counter()
first = Item(1)
# %% change
second = Item(2)
# %% show
print(seen, first.n, second.n)
""",
    ),
    Hazard(
        "sorted copies and reversed views of a frame's columns",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"b": [2, 1], "a": [4, 3]})
columns = df.columns
# %% change
df = df[sorted(columns)]
df.columns = [name.upper() for name in df.columns]
# %% show
print(df, list(columns))
""",
    ),
    Hazard(
        "groupby apply that changes an outer dict",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"k": list("aab"), "v": [1, 2, 3]})
sizes = {}
def note(values):
    sizes[int(values.iloc[0])] = len(values)
    return values.sum()
# %% change
totals = df.groupby("k")["v"].agg(note)
# %% show
print(totals.tolist(), sizes)
""",
    ),
    Hazard(
        "frame changed while iterating over rows",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
# %% change
for i, row in df.iterrows():
    if row["a"] > 1:
        df.loc[i, "a"] = row["a"] * 10
# %% show
print(df["a"].tolist(), i, row["a"])
""",
    ),
    Hazard(
        "estimators in a list changed by a helper",
        """
# %% load
from sklearn.linear_model import LinearRegression
models = [LinearRegression() for _ in range(2)]
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
def fit_all(each, X, y):
    for one in each:
        one.fit(X, y)
# %% train
fit_all(models, X, y)
# %% show
print([round(float(m.coef_[0]), 6) for m in models])
""",
    ),
    Hazard(
        "sklearn pipeline with memory and a step replaced",
        """
# %% load
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.arange(12.0).reshape(6, 2)
y = [0, 0, 0, 1, 1, 1]
pipe = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
# %% change
pipe.set_params(scale=MinMaxScaler())
pipe.steps[1][1].C = 0.5
# %% train
pipe.fit(X, y)
# %% show
print(type(pipe.named_steps["scale"]).__name__, pipe.predict(X), pipe[1].C)
""",
    ),
    Hazard(
        "type hints read when the notebook runs",
        """
# %% load
import typing
class Row:
    n: int
    tags: list[str]
def area(w: float, h: float = 2.0) -> float:
    return w * h
# %% change
hints = typing.get_type_hints(Row)
# %% show
print(hints, typing.get_type_hints(area)["return"])
""",
    ),
    Hazard(
        "generator function called anew in each step",
        """
# %% load
def numbers(n):
    for i in range(n):
        yield i * i
# %% first
a = list(numbers(3))
# %% second
b = sum(v for v in numbers(4))
# %% show
print(a, b, max(numbers(5)))
""",
    ),
    Hazard(
        "context manager of the notebook's own with a state",
        """
# %% load
from contextlib import contextmanager
depth = []
@contextmanager
def nested(name):
    depth.append(name)
    yield len(depth)
    depth.pop()
# %% change
with nested("a") as one, nested("b") as two:
    inside = list(depth)
# %% show
print(one, two, inside, depth)
""",
    ),
    Hazard(
        "text in memory written to across steps",
        """
# %% load
import io
out = io.StringIO()
out.write("one ")
# %% change
print("two", file=out, end=" ")
# %% show
print(out.getvalue(), out.tell())
""",
    ),
    Hazard(
        "chained comparison, conditional import and a shadowed loop name",
        """
# %% load
limits = (0, 10)
value = 7
# %% change
if limits[0] < value <= limits[1]:
    import math as numbers
    value = numbers.floor(value / 2)
for value in range(value):
    pass
# %% show
print(value, numbers.pi > 3)
""",
    ),
    Hazard(
        "itertools.groupby consumed at once",
        """
# %% load
from itertools import groupby
words = ["aa", "b", "cc", "dd", "e"]
# %% change
groups = {k: list(g) for k, g in groupby(sorted(words, key=len), key=len)}
# %% show
print(groups)
""",
    ),
    Hazard(
        "nan, infinity and negative zero",
        """
# %% load
nan = float("nan")
values = [nan, float("inf"), -0.0]
# %% change
same = values[0] is nan
table = {nan: 1}
# %% show
print(values, same, table[nan], str(values[2]))
""",
    ),
    Hazard(
        "bytes, complex, range and slice values",
        """
# %% load
raw, z, span, cut = b"\\x00ab", 1 + 2j, range(1, 9, 3), slice(1, None)
# %% change
part = list(span)[cut]
z = z.conjugate()
# %% show
print(raw, z, part, span, cut)
""",
    ),
    Hazard(
        "dict order after deletion and reinsertion",
        """
# %% load
table = {"a": 1, "b": 2, "c": 3}
# %% change
table["a"] = table.pop("a")
# %% show
print(list(table), next(iter(table)))
""",
    ),
    Hazard(
        "closed figure displayed in a later step",
        """
# %% load
import matplotlib.pyplot as plt
from IPython.display import display
fig = plt.figure()
plt.plot([1, 2])
plt.close()
# %% change
n = len(fig.axes)
# %% show
display(fig)
print(n)
""",
        ordinary=True,
    ),
    Hazard(
        "figures that lists, dicts, methods and statsmodels give at a cell's end",
        """
# %% load
import numpy as np
import matplotlib.pyplot as plt
import statsmodels.api as sm
figures = []
by_name = {}
for n in range(2):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([n, 1])
    figures.append(fig)
    by_name["last"] = fig
x = np.random.default_rng(0).normal(size=40)
# %% look
figures[0]
# %% again
by_name.get("last")
# %%
figures[1] if figures else None
# %% own
class Report:
    def show(self):
        figure, axes = plt.subplots(figsize=(1, 1))
        return figure
Report().show()
# %% quantiles
sm.qqplot(x, line="s")
# %% lags
sm.graphics.tsa.plot_acf(x, lags=5)
# %% end
print(len(figures), x.sum().round(6))
""",
        ordinary=True,
    ),
    Hazard(
        "figures begun while matplotlib is not interactive",
        """
# %% load
import matplotlib.pyplot as plt
# %% begin
plt.ioff()
fig, ax = plt.subplots(figsize=(2, 2))
ax.plot([0, 1])
# %% show
plt.ion()
fig
# %% go_on
plt.plot([1, 2])
print(len(ax.lines))
""",
        ordinary=True,
    ),
    Hazard(
        "frames of patsy",
        """
# %% load
import numpy as np
import pandas as pd
import statsmodels.api as sm
from patsy import dmatrices
df = pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0) ** 2, "page": list("aab") * 3})
# %% prepare
y, X = dmatrices("y ~ x + C(page)", df, return_type="dataframe")
# %% fit
model = sm.OLS(y, X).fit()
# %% show
print(model.params.round(4).to_dict(), X.columns.tolist())
""",
    ),
    Hazard(
        "model by formula that names functions and numbers of the notebook",
        """
# %% load
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
df = pd.DataFrame({"x": np.arange(1.0, 9.0), "y": [1.1, 2.3, 2.9, 4.2, 5.1, 5.8, 7.3, 8.1]})
middle = 4.0
def scaled(values):
    return (values - middle) / 2
# %% fit
models = {
    "centred": smf.ols("y ~ I(x - middle)", data=df).fit(),
    "scaled": smf.ols("y ~ scaled(x) + np.log(x)", data=df).fit(),
}
best = smf.ols("y ~ scaled(x)", data=df).fit()
# %% show
for name, model in models.items():
    print(name, model.params.round(4).to_dict(), round(model.rsquared, 4))
# %% predict
print(best.predict(df.head(2)).round(4).tolist())
""",
    ),
    Hazard(
        "formula that names variables beside columns",
        """
# %% load
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
df = pd.DataFrame({"a": [0.0, 1, 2, 3], "y": [1.0, 2, 4, 9]})
shift = np.array([1.0, 2, 3, 5])
# %% fit
slopes = smf.ols("y ~ a + shift", df).fit().params.round(4)
print(slopes.to_dict())
# %% change
shift = shift ** 2
# %% fit_again
print(smf.ols(formula="y ~ shift", data=df).fit().params.round(4).to_dict())
""",
    ),
    Hazard(
        "numbers fitted by a function whose constant is bound anew",
        """
# %% load
import numpy as np
from scipy.optimize import curve_fit, minimize
scale = 2.0
def curve(x, a):
    return a * np.exp(-x / scale)
x = np.linspace(0, 4, 20)
found, spread = curve_fit(curve, x, curve(x, 3.0))
best = minimize(lambda a: (a[0] - scale) ** 2, [0.0])
# %% change
scale = 4.0
# %% use
print(found.round(4), spread.shape, best.x.round(3), curve(x, 1.0).sum().round(4))
""",
    ),
    Hazard(
        "missing values asked for by identity",
        """
# %% load
import numpy as np
import pandas as pd
df = pd.DataFrame({"city": ["a", np.nan] * 40}, dtype=object)
# %% change
df["city"] = df["city"].apply(lambda value: "missing" if value is np.nan else value)
# %% show
print(df["city"].value_counts(), np.nan in [df["city"][0], np.nan])
""",
    ),
    Hazard(
        "bins of a column",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 5, 9]})
df["bin"] = pd.cut(df["a"], 3)
# %% change
counts = df.groupby("bin", observed=False).size()
# %% show
print(counts, df["bin"].dtype)
""",
    ),
    Hazard(
        "figure at the end of a later cell",
        """
# %% draw
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2])
# %% draw
ax.set_title("later")
fig
# %% show
print("done")
""",
    ),
    Hazard(
        "layout of a docstring",
        """
# %% load
def doc():
    '''First.

        Indented.
    '''
# %% change
text = repr(doc.__doc__)
# %% show
print(text)
""",
    ),
    Hazard(
        "a loop's variable is one of the models that a later step fits again",
        """
# %% load
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
X, y = load_iris(return_X_y=True)
# %% train
models = [LogisticRegression(max_iter=500), DecisionTreeClassifier(random_state=0)]
for each in models:
    each.fit(X, y)
# %% evaluate
for each in models:
    print(type(each).__name__, round(each.score(X, y), 3))
# %% again
models[1].fit(X[:100], y[:100])
print(round(models[1].score(X, y), 3))
""",
    ),
    Hazard(
        "modules that may be missing, one that is and one that is not",
        """
# %% load
numbers = [3.0, 1.0, 2.0]
try:
    from sklearn.preprocessing import scale as scaled
    import not_installed_anywhere as other
    HAS = True
except ImportError:
    HAS = False
try:
    import statistics as stats
    CENTRE = True
except ImportError:
    CENTRE = False
    print("no statistics")
# %% change
def centre():
    return stats.mean(numbers) if CENTRE else None
if HAS:
    numbers = other.sort(scaled(numbers))
else:
    numbers = sorted(numbers)
# %% show
print(centre(), numbers, HAS)
if CENTRE:
    print(stats.median(numbers))
if HAS:
    print(other.__version__)
""",
    ),
    Hazard(
        "texts read and written as files, across steps",
        """
# %% load
import io
import json
import pandas as pd
source = io.StringIO("a,b\\n1,2\\n3,4\\n")
target, raw = io.StringIO(), io.BytesIO()
# %% change
df = pd.read_csv(source)
df.to_csv(target, index=False)
json.dump([1], target)
df.to_pickle(raw)
# %% show
print(repr(source.read()), df.shape, target.getvalue(), len(raw.getvalue()) > 0)
source.seek(0)
# %% show
print(source.readline(), target.tell())
""",
    ),
    Hazard(
        "rows of a structured array, which write into it",
        """
# %% load
import numpy as np
kind = [("name", "U10"), ("age", "i4"), ("weight", "f8")]
people = np.array([("Ann", 31, 55.0), ("Bob", 45, 80.0), ("Cy", 20, 70.0)], dtype=kind)
first = people[0]
others = [person for person in people[1:]]
# %% change
first["age"] = 32
others[1]["weight"] *= 2
# %% show
print(people, people["age"].mean(), first, others)
""",
    ),
    Hazard(
        "frequency of a time index taken away",
        """
# %% load
import pandas as pd
table = pd.DataFrame({"y": range(6)}, index=pd.date_range("2020-01-01", periods=6, freq="D"))
# %% change
table.index.freq = None
# %% show
print(table.index.freq, table.shift(1, freq="2D").index[0])
""",
    ),
    Hazard(
        "iterator that is at its end, and that no later step reads",
        """
# %% load
numbers = iter([3, 1, 2])
rest = sorted(numbers)
# %% change
total = sum(rest)
# %% show
print(rest, total)
""",
    ),
    Hazard(
        "folder that is gone with the object that made it",
        """
# %% extract
import glob
import os
import tempfile
work = tempfile.TemporaryDirectory()
folder = os.path.join(work.name, "parts")
os.makedirs(folder)
for number in range(3):
    with open(f"{folder}/{number}.txt", "w") as file:
        file.write(str(number))
# %% load
paths = sorted(glob.glob(folder + "/*.txt"))
# %% show
print(len(paths), [open(path).read() for path in paths])
""",
        refused="holds what tempfile.TemporaryDirectory() returns",
        code="steps-inseparable",
    ),
    Hazard(
        "temporary folder of a function",
        """
# %% extract
import os
import tempfile
def written(text):
    with tempfile.TemporaryDirectory() as folder:
        where = os.path.join(folder, "text.txt")
        with open(where, "w") as file:
            file.write(text)
        return os.path.getsize(where)
# %% load
size = written("four")
# %% show
print(size, written("fifteen"))
""",
    ),
    Hazard(
        "cell that clears its output below one that shows something",
        """
# %%
print("kept")
# %%
from IPython.display import clear_output
for epoch in range(3):
    clear_output(wait=True)
    print("epoch", epoch)
# %%
print("end")
""",
    ),
    Hazard(
        "cell that clears its own output",
        """
# %% load
print("kept")
# %% train
numbers = [1, 2]
# %% train
from IPython.display import clear_output
for epoch in numbers:
    clear_output(wait=True)
    print("epoch", epoch)
# %% show
print("end")
""",
    ),
    Hazard(
        "module that a cell writes, used in several steps",
        """
# %% module
%%writefile written_here.py
SCALE = 2
def scale(x):
    return x * SCALE
# %% use
import written_here
from written_here import scale
print(scale(4))
# %% more
y = scale(5)
# %% show
print(y, written_here.SCALE)
""",
    ),
    Hazard(
        "file that is left open, and looked at",
        """
# %%
import os
log = open("log.txt", "w")
for number in range(3):
    log.write(f"line {number}\\n")
# %%
size = os.path.getsize("log.txt")
# %%
print(size, repr(open("log.txt").read()))
log.close()
""",
    ),
    Hazard(
        "archive that is left open, and looked at",
        """
# %%
import zipfile
archive = zipfile.ZipFile("left_open.zip", "w")
archive.writestr(zipfile.ZipInfo("a"), "x" * 100)
# %%
import os
print(os.path.getsize("left_open.zip") > 150)
archive.close()
""",
    ),
    Hazard(
        "file that an object keeps open, and looked at",
        """
# %%
class Log:
    def __init__(self, path):
        self.file = open(path, "w")

    def say(self, text):
        self.file.write(text)

log = Log("kept_open.txt")
log.say("text")
# %%
print(open("kept_open.txt").read())
log.file.close()
""",
    ),
    Hazard(
        "file that an object keeps open, and closes",
        """
# %% save
class Log:
    def __init__(self, path):
        self.file = open(path, "w")

    def say(self, text):
        self.file.write(text)

    def stop(self):
        self.file.close()

log = Log("stopped.txt")
log.say("text")
log.stop()
# %% look
from pathlib import Path
print(Path("stopped.txt").read_text())
""",
    ),
    Hazard(
        "path's own file that is left open, and looked at",
        """
# %%
from pathlib import Path
place = Path("path_open.txt")
file = place.open("w")
written = file.write("text")
# %%
print(place.read_text())
file.close()
""",
    ),
    Hazard(
        "file that a function of an own module leaves open",
        """
# %%
import hazard_logs
log = hazard_logs.started("module_open.txt")
log.write("text")
# %%
print(repr(open("module_open.txt").read()))
log.close()
""",
        files={
            "hazard_logs.py": "def opened(path):\n    return open(path, 'w')\n\n"
            "def started(path):\n    return opened(path)\n"
        },
    ),
    Hazard(
        "file that a function of an own module closes",
        """
# %% save
import hazard_notes
said = hazard_notes.note("module_closed.txt", "text")
# %% look
print(said, repr(open("module_closed.txt").read()))
""",
        files={
            "hazard_notes.py": "def note(path, text):\n    with open(path, 'w') as file:\n"
            "        file.write(text)\n    open(path, 'a').write('.')\n    return path\n"
        },
    ),
    Hazard(
        "file that a function opens, closed by with",
        """
# %% save
def opened(path, mode="r"):
    return open(path, mode)

with opened("with_closed.txt", "w") as file:
    file.write("text")
# %% look
with opened("with_closed.txt") as file:
    print(file.read())
""",
    ),
    Hazard(
        "file that is left open, and closed in time",
        """
# %% write
log = open("log.txt", mode="w")
log.write("one")
log.close()
# %% show
print(open("log.txt").read())
""",
    ),
    Hazard(
        "parts of a frame that are changed on their own",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": range(6), "b": [1.5] * 6, "c": [[n] for n in range(6)]})
# %% split
head, tail = df.iloc[:3], df.iloc[3:]
chosen = df.loc[df["a"] > 2, "a"]
columns = df.loc[:, ["a", "b"]]
cell = df.loc[0, "c"]
# %% change
head = head.assign(b=0.0)
columns["a"] = columns["a"] * 2
tail.loc[3, "b"] = 9.0
cell.append("seen")
# %% show
print(df, head, tail, chosen.tolist(), columns["a"].sum())
""",
    ),
    Hazard(
        "pattern that a function reads, and axes that one asks",
        """
# %% load
import re
import matplotlib.pyplot as plt
token = re.compile("[a-z]+")
fig, ax = plt.subplots()
ax.set_title("counts")
def tokens(text):
    return token.findall(text)
def title():
    return ax.get_title()
plt.close(fig)
# %% change
texts = ["one two", "three"]
# %% show
print([tokens(text) for text in texts], title())
""",
    ),
    Hazard(
        "slices of time indexes, shifted and put together again",
        """
# %% load
import pandas as pd
index = pd.date_range("2024-01-01", periods=8, freq="D", name="day")
sales = pd.DataFrame({"sold": range(8)}, index=index)
# %% split
cut = int(len(sales) * 0.75)
train, test = sales.iloc[:cut], sales.iloc[cut:]
# %% change
train = train.assign(before=train["sold"].shift(1)).dropna()
lagged = sales["sold"].rolling(3).mean().loc["2024-01-04":]
# %% show
print(train.index.freq, test.index.freqstr, len(train), lagged.round(2).tolist())
print(pd.concat([train, test]).index.freq)
""",
    ),
    Hazard(
        "methods of a base, defaults and attributes that read what is bound later",
        """
# %%
volume = 1
def louder(text):
    return text * volume
class Animal:
    sound = "woof"
    voice = staticmethod(louder)
    def speak(self):
        return self.sound * volume
class Dog(Animal):
    def __init__(self, rule=louder):
        self.rule = rule
dog = Dog()
def twice(text, rule=louder):
    return rule(text) * 2
# %%
print(dog.speak(), dog.voice("a"), dog.rule("b"), twice("c"))
volume = 3
# %%
print(dog.speak(), dog.voice("a"), dog.rule("b"), twice("c"))
""",
    ),
    Hazard(
        "attributes named like what they are made of",
        """
# %% load
import re
from dataclasses import dataclass
from datetime import date
@dataclass
class Row:
    date: date
    n: int = 0
class Rule:
    re = re.compile("a+")
    date = date(2020, 1, 1)
rows = [Row(date(2024, 1, 2), 1)]
# %% change
rows.append(Row(Rule.date))
# %% show
print(rows, Rule.re.findall("baab"), abs(rows[0].n))
""",
    ),
    Hazard(
        "sizes and rounded values of arrays that are changed later",
        """
# %% load
import numpy as np
import pandas as pd
values = np.arange(5.0)
errors = abs(values - 2)
table = round(pd.DataFrame({"a": values / 3}), 1)
small = np.float32(values)
# %% change
errors[0] = 100
table["b"] = 5
small[0] = 7
# %% show
print(errors, table, small, abs(-3), round(2.567, 1))
""",
    ),
    Hazard(
        "constants and classes changed by code that nobody sees",
        """
# %% load
ROWS = [{"a": 1}, {"a": 2}]
class Settings:
    rate = 1
# %% change
import pandas as pd
pd.Series(ROWS).map(lambda row: row.update(b=row["a"] * 2))
pd.Series([Settings]).map(lambda kind: setattr(kind, "ra" + "te", 3))
# %% show
print(ROWS, Settings.rate)
""",
        refused_on={"verify": "the steps get them as they were defined"},
    ),
    Hazard(
        "option that is a function, which reads what is bound anew",
        """
# %% load
import pandas as pd
digits = 1
def settle():
    pd.set_option("display.float_format", lambda v: f"{v:.{digits}f}")
settle()
df = pd.DataFrame({"p": [1.23456]})
# %% change
digits = 3
print(digits)
# %% show
print(df, digits)
""",
        refused="is read by code that a library keeps",
        code="steps-inseparable",
    ),
    Hazard(
        "option that is a function, which reads what stays",
        """
# %% load
import pandas as pd
digits = 2
pd.set_option("display.float_format", lambda v: f"{v:.{digits}f}")
df = pd.DataFrame({"p": [1.23456]})
# %% change
df["q"] = df.p * digits
# %% show
print(df, digits)
""",
    ),
    Hazard(
        "objects changed by methods of elements",
        """
# %% load
class Player:
    def __init__(self):
        self.n = 0
    def score(self):
        self.n += 1
        return self.n
players, named, more = [Player(), Player()], {"a": Player()}, [Player()]
# %% change
for player in players:
    player.score()
named["a"].score()
scores = [player.score() for player in more]
# %% show
print([player.n for player in players], named["a"].n, scores, more[0].n)
""",
    ),
    Hazard(
        "iterators and managers of the notebook's own",
        """
# %% load
class Log:
    def __init__(self):
        self.lines = []
    def __enter__(self):
        self.lines.append("in")
        return self
    def __exit__(self, *exception):
        self.lines.append("out")
class Count:
    def __init__(self):
        self.n = 0
    def __iter__(self):
        return self
    def __next__(self):
        self.n += 1
        if self.n > 3:
            raise StopIteration
        return self.n
log, count, other = Log(), Count(), Count()
# %% change
with log:
    pass
for number in count:
    pass
first = next(other)
# %% show
print(log.lines, count.n, other.n, first)
""",
    ),
    Hazard(
        "functions and bound methods that are given what they change",
        """
# %% load
import threading
import numpy as np
import pandas as pd
def double(row):
    row["b"] = row["a"] * 2
rows, seen, results = [{"a": 1}, {"a": 2}], [], []
gaps = np.array([1, np.nan])
table = pd.DataFrame({"a": [1, 2]})
# %% change
done = list(map(double, rows))
table.a.apply(seen.append)
filled = np.nan_to_num(gaps, copy=False)
thread = threading.Thread(target=results.append, args=(3,))
thread.start()
thread.join()
del thread
# %% show
print(rows, seen, gaps, results, table.loc[table.a > 1].iloc[:1].loc[:, "a"].tolist())
""",
    ),
    Hazard(
        "models in a dict, fitted in a loop",
        """
# %% load
import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
X = np.arange(6.0).reshape(-1, 1)
y = X[:, 0] * 2
models = {"plain": LinearRegression(), "ridge": Ridge()}
# %% train
scores = {}
for name, model in models.items():
    model.fit(X, y)
    scores[name] = model.score(X, y)
# %% show
print({name: model.coef_.round(3).tolist() for name, model in models.items()}, scores)
""",
    ),
    Hazard(
        "groups of a frame, changed in a loop",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 1, 2], "b": [1, 2, 3]})
parts = {key: group for key, group in df.groupby("a")}
# %% change
for key, group in parts.items():
    group["c"] = group.b * key
# %% show
print(parts[1], parts[2], df)
""",
    ),
    Hazard(
        "random generators within objects and estimators",
        """
# %% load
import numpy as np
from sklearn.cluster import KMeans
class Sampler:
    def __init__(self):
        self.rng = np.random.default_rng(0)
    def draw(self):
        return int(self.rng.integers(0, 99))
sampler = Sampler()
rng = np.random.RandomState(0)
X = rng.rand(20, 2)
# %% use
first = sampler.draw()
labels = KMeans(2, random_state=rng, n_init=1).fit_predict(X)
# %% show
print(first, sampler.draw(), labels, rng.rand())
""",
    ),
    Hazard(
        "nested settings and rows that are changed through loops and pairs",
        """
# %% load
settings = {"a": {"b": [1]}, "c": {"b": []}}
rows, extra = [[1], [2]], [3, 4]
shared = settings["a"]["b"]
# %% change
for value in settings.values():
    value["n"] = 3
    value["b"] += [2]
for row, more in zip(rows, extra):
    row.append(more)
# %% show
print(settings, rows, shared)
""",
    ),
)
