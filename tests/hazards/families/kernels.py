"""What a kernel has besides its variables, and what the next one of an isolated run lacks."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "order of a set of texts in two steps",
        """
# %% load
words = set("the quick brown fox jumps over a lazy dog and cat".split())
order = list(words)
# %% use
same = list(words) == order
# %% show
print(same, [word for word in words] == order)
""",
    ),
    Hazard(
        "order of a set after removals",
        """
# %% load
numbers = set(range(100))
for number in range(100):
    if number not in (1, 33, 64):
        numbers.remove(number)
first = list(numbers)
# %% use
second = list(numbers)
print(first, second, first == second)
# %% show
print(sum(place * number for place, number in enumerate(numbers)))
""",
    ),
    Hazard(
        "codes given in the order of a set",
        """
# %% load
labels = {"cat", "dog", "bird", "fish", "cow"}
# %% encode
code = {name: number for number, name in enumerate(labels)}
# %% decode
back = {number: name for number, name in enumerate(labels)}
# %% show
print(all(back[code[name]] == name for name in labels))
""",
    ),
    Hazard(
        "frozen sets and sets of tuples within a dict",
        """
# %% load
groups = {"a": frozenset(["x", "y", "z", "w"]), "b": {("p", 1), ("q", 2), ("r", 3)}}
seen = [list(each) for each in groups.values()]
# %% use
again = [list(each) for each in groups.values()]
# %% show
print(seen == again)
""",
    ),
    Hazard(
        "memmap changed in a later step",
        """
# %% load
import numpy as np
shown = np.memmap("m.dat", dtype="int32", mode="w+", shape=(4,))
shown[:] = 1
# %% use
shown[1] = 9
shown.flush()
# %% show
print(np.fromfile("m.dat", dtype="int32").tolist(), int(shown.sum()))
""",
        refused_on={
            "verify": "a replay cannot write to the notebook's file by a memory of its own"
        },
    ),
    Hazard(
        "two closures over one variable",
        """
# %% load
def counter():
    count = 0
    def up():
        nonlocal count
        count += 1
        return count
    def now():
        return count
    return up, now
up, now = counter()
# %% use
first = up()
# %% show
up()
print(first, now())
""",
    ),
    Hazard(
        "mapping proxy and chain map over a dict",
        """
# %% load
import collections
import types
base = {"x": 1}
proxy = types.MappingProxyType(base)
chain = collections.ChainMap({}, base)
# %% change
base["x"] = 2
chain["y"] = 3
# %% show
print(proxy["x"], chain["x"], chain.maps, base)
""",
    ),
    Hazard(
        "attributes of a frame as a variable",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df.attrs["source"] = ["x"]
meta = df.attrs
# %% use
meta["more"] = 1
# %% show
print(df.attrs, meta)
""",
    ),
    Hazard(
        "first weekday of calendars",
        """
# %% load
import calendar
calendar.setfirstweekday(6)
# %% use
text = calendar.month(2024, 2)
# %% show
print(text)
""",
    ),
    Hazard(
        "name of a logging level",
        """
# %% load
import logging
logging.addLevelName(25, "NOTICE")
logging.disable(logging.INFO)
# %% use
name = logging.getLevelName(25)
# %% show
print(name, logging.getLogger("x").isEnabledFor(20))
""",
    ),
    Hazard(
        "random state of a distribution of scipy",
        """
# %% load
import numpy as np
from scipy import stats
normal = stats.norm(1, 2)
normal.random_state = np.random.RandomState(5)
stats.poisson.random_state = 11
# %% use
a = normal.rvs(2)
b = stats.poisson.rvs(4, size=3)
# %% show
print(a, b, normal.rvs(), stats.poisson.rvs(4))
""",
    ),
    Hazard(
        "what scipy does about errors",
        """
# %% load
from scipy import special
before = special.seterr(singular="raise")
# %% use
try:
    special.gammaln(0)
    raised = False
except special.SpecialFunctionError:
    raised = True
# %% show
print(raised, special.geterr()["singular"])
""",
    ),
    Hazard(
        "class registered with an abstract one",
        """
# %% load
import collections.abc
class Mine:
    def __len__(self):
        return 3
    def __getitem__(self, place):
        return place
collections.abc.Sequence.register(Mine)
# %% use
known = isinstance(Mine(), collections.abc.Sequence)
# %% show
print(known)
""",
    ),
    Hazard(
        "dialect of csv",
        """
# %% load
import csv
import io
csv.register_dialect("pipes", delimiter="|")
# %% use
out = io.StringIO()
csv.writer(out, "pipes").writerow([1, 2])
text = out.getvalue()
# %% show
print(text, sorted(csv.list_dialects()))
""",
    ),
    Hazard(
        "settings of csv, decimal's threads, matplotlib's dates and multiprocessing",
        """
# %% load
import csv
import datetime
import decimal
import multiprocessing
import threading
import matplotlib.dates
csv.field_size_limit(100_000_000)
decimal.DefaultContext.prec = 7
matplotlib.dates.set_epoch("2000-01-01")
multiprocessing.set_start_method("spawn", force=True)
# %% use
day = matplotlib.dates.date2num(datetime.datetime(2000, 1, 2))
third = []
thread = threading.Thread(target=lambda: third.append(decimal.Decimal(1) / 3))
thread.start()
thread.join()
del thread
# %% show
print(csv.field_size_limit(), day, third, multiprocessing.get_start_method())
""",
    ),
    Hazard(
        "handler of a logger that a variable holds",
        """
# %% load
import logging
import sys
logger = logging.getLogger("job")
logger.setLevel(logging.INFO)
logger.propagate = False
handler = logging.StreamHandler(sys.stdout)
logger.addHandler(handler)
# %% use
logger.info("once")
handler.setLevel(logging.ERROR)
logger.info("never")
# %% stop
logger.error("twice")
logger.removeHandler(handler)
logger.error("not here")
# %% show
print(len(logger.handlers))
""",
    ),
    Hazard(
        "log that is kept in a text",
        """
# %% load
import io
import logging
kept = io.StringIO()
handler = logging.StreamHandler(kept)
handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
logging.getLogger("job").addHandler(handler)
logging.getLogger("job").propagate = False
logging.getLogger("job").warning("first")
# %% use
logging.getLogger("job").warning("second")
# %% show
print(kept.getvalue())
""",
    ),
    Hazard(
        "options of seaborn's objects",
        """
# %% load
import seaborn.objects as so
so.Plot.config.theme["axes.facecolor"] = "pink"
so.Plot.config.display["scaling"] = 0.5
# %% use
values = [1, 2, 4]
# %% show
print(so.Plot.config.theme["axes.facecolor"], so.Plot.config.display["scaling"])
""",
    ),
    Hazard(
        "adapter of sqlite for a class of the notebook",
        """
# %% load
import sqlite3
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
sqlite3.register_adapter(Point, lambda point: f"{point.x};{point.y}")
# %% use
con = sqlite3.connect(":memory:")
found = con.execute("select ?", (Point(1, 2),)).fetchone()
con.close()
del con
# %% show
print(found)
""",
    ),
    Hazard(
        "environment variables that os.environ does not show",
        """
# %% load
import os
os.environ["MY_B"] = "2"
os.putenv("MY_C", "3")
# %% use
import subprocess
out = subprocess.run("echo $MY_B$MY_C", shell=True, capture_output=True, text=True).stdout
# %% show
print(out, os.environ.get("MY_C"))
""",
    ),
    Hazard(
        "mask of new files",
        """
# %% load
import os
old = os.umask(0o077)
# %% use
open("secret.txt", "w").close()
mode = oct(os.stat("secret.txt").st_mode & 0o777)
# %% show
os.umask(old)
print(mode)
""",
    ),
    Hazard(
        "garbage collection and switch interval",
        """
# %% load
import gc
import sys
gc.disable()
sys.setswitchinterval(0.25)
# %% use
collecting = gc.isenabled()
interval = sys.getswitchinterval()
# %% show
gc.enable()
print(collecting, interval)
""",
    ),
    Hazard(
        "how masked and polynomial values are printed",
        """
# %% load
import numpy as np
np.ma.masked_print_option.set_display("NA")
np.polynomial.set_default_printstyle("ascii")
# %% use
masked = np.ma.array([1, 2], mask=[0, 1])
curve = np.polynomial.Polynomial([1, 2])
# %% show
print(masked, curve)
""",
    ),
    Hazard(
        "column of texts changed beside its frame",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"name": ["a", "b", "c"], "n": [1, 2, 3]})
names = df["name"]
renamed = df.rename(columns={"n": "m"})
# %% change
df.loc[0, "name"] = "z"
# %% more
names.iloc[1] = "y"
# %% show
print(df.name.tolist(), names.tolist(), renamed.name.tolist())
""",
    ),
    Hazard(
        "array of a frame that is written to",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
values = df.values
# %% change
df.loc[0, "a"] = 9.0
# %% show
print(values.tolist(), df.values.tolist())
""",
    ),
    Hazard(
        "frame over an array",
        """
# %% load
import numpy as np
import pandas as pd
array = np.zeros((3, 2))
df = pd.DataFrame(array, columns=["x", "y"], copy=False)
# %% change
array[0, 0] = 7
# %% more
df.loc[1, "x"] = 5
# %% show
print(df.values.tolist(), array.tolist())
""",
    ),
    Hazard(
        "backend chosen by use",
        """
# %% load
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
# %% draw
plt.plot([1, 2])
plt.show()
name = matplotlib.get_backend()
# %% show
print(name)
""",
    ),
    Hazard(
        "figures that the front end draws, after inline ones",
        """
# %%
import matplotlib.pyplot as plt
# %% first
x = [1, 3, 2]
plt.plot(x)
# %% second
%matplotlib notebook
plt.plot(x)
# %% third
fig, ax = plt.subplots()
ax.plot(x)
x = len(ax.lines)
# %% show
print(x)
""",
    ),
    Hazard(
        "figures that the front end draws, in a notebook without steps",
        """
# %%
import matplotlib.pyplot as plt
x = [1, 3, 2]
plt.plot(x)
# %%
plt.plot([2 * each for each in x])
# %%
%matplotlib notebook
plt.plot(x[::-1])
# %%
print(x)
""",
    ),
    Hazard(
        "a box plot that is the first figure",
        """
# %%
%matplotlib inline
import matplotlib.pyplot as plt
import pandas as pd
data = pd.DataFrame({"a": [1, 2, 3], "b": [3, 4, 9]})
# %% first
data.boxplot(figsize=(3, 2))
# %% second
data.hist(figsize=(3, 3))
# %% third
data["a"].plot.bar(figsize=(4, 3))
# %% show
print(len(data), plt.get_fignums())
""",
    ),
    Hazard(
        "figures that wait for plt.show(), the first one being drawn in a style",
        """
# %%
import matplotlib.pyplot as plt
x = [1, 3, 2]
# %% first
with plt.style.context("ggplot"):
    plt.plot(x)
# %% second
fig, ax = plt.subplots()
ax.plot(x[::-1])
plt.show()
# %% third
fig, ax = plt.subplots()
ax.plot([2 * each for each in x])
print(len(ax.lines))
# %% show
print(x, plt.isinteractive())
""",
    ),
    Hazard(
        "a loop's underscore, read later",
        """
# %% loop
for _ in range(3):
    pass
x = 1
# %% loop
print(_)
# %% show
print(x)
""",
    ),
    Hazard(
        "neighbours that count how often they are asked",
        """
# %% fit
from sklearn.neighbors import KNeighborsClassifier
model = KNeighborsClassifier(1, algorithm="kd_tree").fit([[0.0], [1.0]], [0, 1])
# %% ask
found = list(model.predict([[0.2], [0.9]]))
# %% again
found += list(model.predict([[0.7]]))
# %% show
print(found)
""",
    ),
    Hazard(
        "namespaces of element trees and kinds of files",
        """
# %% load
import mimetypes
import xml.etree.ElementTree as tree
tree.register_namespace("my", "http://example.org/my")
mimetypes.add_type("text/x-notebook", ".nbx")
# %% use
element = tree.fromstring('<a xmlns="http://example.org/my"><b/></a>')
text = tree.tostring(element, encoding="unicode")
kind = mimetypes.guess_type("one.nbx")[0]
# %% show
print(text, kind)
""",
    ),
)
