"""State that is no variable: random numbers, environment, options, folders, files."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "random seeded in one step, drawn in others",
        """
# %% load
import random
random.seed(7)
# %% one
a = random.random()
# %% two
b = [random.randint(0, 100) for _ in range(3)]
# %% show
print(a, b, random.random())
""",
        ordinary=True,
    ),
    Hazard(
        "numpy's global generator",
        """
# %% load
import numpy as np
np.random.seed(3)
# %% one
a = np.random.rand(3)
# %% two
b = np.random.permutation(5)
# %% show
print(a, b, np.random.randint(100))
""",
        ordinary=True,
    ),
    Hazard(
        "seed in a step of its own",
        """
# %% setup
import random
import numpy as np
# %% seed
random.seed(1)
np.random.seed(1)
# %% draw
x = np.random.normal(size=2)
y = random.gauss(0, 1)
# %% show
print(x, y)
""",
    ),
    Hazard(
        "numpy Generator object drawn from in several steps",
        """
# %% load
import numpy as np
rng = np.random.default_rng(5)
# %% one
a = rng.random(2)
# %% two
b = rng.integers(0, 10, 3)
# %% show
print(a, b, rng.random())
""",
    ),
    Hazard(
        "a generator in a container and in a function",
        """
# %% load
import random
import numpy as np
tools = {"rng": np.random.default_rng(0), "py": random.Random(4)}
def draw():
    return tools["rng"].random() + tools["py"].random()
# %% one
a = draw()
# %% show
print(a, draw())
""",
    ),
    Hazard(
        "RandomState and its methods kept as names",
        """
# %% load
import numpy as np
state = np.random.RandomState(2)
normal = state.normal
# %% one
a = normal()
# %% two
b = state.rand()
# %% show
print(a, b, normal(), state.rand())
""",
    ),
    Hazard(
        "functions imported from random",
        """
# %% load
from random import choice, randint, seed
seed(11)
# %% one
a = randint(0, 1000)
# %% two
seed(12)
b = choice(range(1000))
# %% show
print(a, b, randint(0, 1000))
""",
    ),
    Hazard(
        "functions imported from numpy.random",
        """
# %% load
from numpy.random import rand, seed
seed(11)
# %% one
a = rand()
# %% two
seed(12)
b = rand()
# %% show
print(a, b, rand())
""",
    ),
    Hazard(
        "alias of the random module's functions",
        """
# %% load
import random
dice = random.randint
random.seed(5)
# %% one
a = dice(1, 1000)
random.seed(6)
# %% show
print(a, dice(1, 1000))
""",
    ),
    Hazard(
        "random state read and put back",
        """
# %% load
import random
random.seed(9)
state = random.getstate()
# %% one
a = random.random()
# %% two
random.setstate(state)
b = random.random()
# %% show
print(a == b, random.random())
""",
    ),
    Hazard(
        "sklearn models that draw from the global generator",
        """
# %% load
import numpy as np
from sklearn.ensemble import RandomForestClassifier
np.random.seed(0)
X = np.random.rand(40, 3)
y = (X[:, 0] > 0.5).astype(int)
# %% train
model = RandomForestClassifier(n_estimators=3).fit(X, y)
# %% show metrics
importance = model.feature_importances_.round(6).tolist()
print(importance)
""",
    ),
    Hazard(
        "pandas sample without a seed of its own",
        """
# %% load
import numpy as np
import pandas as pd
np.random.seed(4)
df = pd.DataFrame({"a": range(20)})
# %% one
part = df.sample(5)
# %% show
print(part.index.tolist(), df.sample(2)["a"].tolist())
""",
    ),
    Hazard(
        "environment variable set in one step, read in another",
        """
# %% load
import os
os.environ["HAZARD_MODE"] = "fast"
# %% change
os.environ["HAZARD_MODE"] += "er"
os.environ.setdefault("HAZARD_NEW", "1")
# %% show
print(os.environ["HAZARD_MODE"], os.getenv("HAZARD_NEW"))
""",
        ordinary=True,
    ),
    Hazard(
        "environment variable removed, environ under another name",
        """
# %% load
import os
from os import environ
environ["HAZARD_X"] = "1"
env = os.environ
# %% change
del env["HAZARD_X"]
env["HAZARD_Y"] = "2"
# %% show
print("HAZARD_X" in os.environ, environ.get("HAZARD_Y"), env is os.environ)
""",
    ),
    Hazard(
        "environment passed on to a subprocess",
        """
# %% load
import os, subprocess, sys
os.environ["HAZARD_SUB"] = "seen"
# %% show
out = subprocess.run(
    [sys.executable, "-c", "import os; print(os.environ['HAZARD_SUB'])"],
    capture_output=True, text=True)
print(out.stdout.strip())
""",
    ),
    Hazard(
        "pandas options",
        """
# %% load
import pandas as pd
pd.set_option("display.max_rows", 4)
pd.options.display.precision = 2
df = pd.DataFrame({"a": [i / 3 for i in range(10)]})
# %% show
print(df)
""",
        ordinary=True,
    ),
    Hazard(
        "pandas float_format, a function among the options",
        """
# %% load
import pandas as pd
pd.set_option("display.float_format", lambda v: f"{v:.1f}")
df = pd.DataFrame({"a": [1 / 3, 2 / 3]})
# %% show
print(df)
""",
    ),
    Hazard(
        "numpy print options and error state",
        """
# %% load
import numpy as np
np.set_printoptions(precision=2, suppress=True)
np.seterr(divide="ignore", invalid="ignore")
a = np.array([1 / 3, 2 / 3])
# %% change
b = a / np.array([0.0, 1.0])
# %% show
print(a, b, np.geterr()["divide"])
""",
    ),
    Hazard(
        "warnings turned into errors",
        """
# %% load
import warnings
warnings.filterwarnings("error", message="stop")
# %% change
try:
    warnings.warn("stop here")
    raised = False
except UserWarning:
    raised = True
# %% show
print(raised)
""",
    ),
    Hazard(
        "decimal context",
        """
# %% load
from decimal import Decimal, getcontext
getcontext().prec = 6
# %% change
third = Decimal(1) / Decimal(3)
getcontext().prec = 3
# %% show
print(third, Decimal(1) / Decimal(7))
""",
    ),
    Hazard(
        "decimal context under a name",
        """
# %% load
import decimal
ctx = decimal.getcontext()
ctx.prec = 5
# %% change
ctx.prec = 4
# %% show
print(decimal.Decimal(2) / 3)
""",
    ),
    Hazard(
        "locale",
        """
# %% load
import locale
name = locale.setlocale(locale.LC_NUMERIC, "C.UTF-8")
# %% show
print(locale.setlocale(locale.LC_NUMERIC), locale.format_string("%.1f", 1234.5))
""",
    ),
    Hazard(
        "matplotlib rcParams",
        """
# %% load
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (2, 1)
plt.rcParams.update({"lines.linewidth": 5})
# %% draw
fig, ax = plt.subplots()
ax.plot([1, 2])
plt.show()
# %% show
print(plt.rcParams["lines.linewidth"], fig.get_size_inches())
""",
    ),
    Hazard(
        "rcParams imported by name",
        """
# %% load
import matplotlib.pyplot as plt
from matplotlib import rcParams
rcParams["figure.figsize"] = 2, 1
# %% change
rcParams["figure.dpi"] = 50
# %% show
plt.plot([1, 3, 2])
plt.show()
print(plt.rcParams["figure.dpi"])
""",
    ),
    Hazard(
        "seaborn theme",
        """
# %% load
import matplotlib.pyplot as plt
import seaborn as sns
sns.set_theme(style="whitegrid", rc={"figure.figsize": (2, 1)})
# %% show
plt.plot([1, 2])
plt.show()
print(plt.rcParams["axes.grid"])
""",
    ),
    Hazard(
        "working directory changed",
        """
# %% load
import os
os.makedirs("sub", exist_ok=True)
os.chdir("sub")
# %% write
with open("note.txt", "w") as file:
    file.write("here")
# %% show
print(os.path.basename(os.getcwd()), os.listdir("."))
""",
        ordinary=True,
    ),
    Hazard(
        "working directory changed by %cd",
        """
# %% load
import os
os.makedirs("sub", exist_ok=True)
# %% change
%cd -q sub
open("a.txt", "w").close()
# %% show
print(os.listdir("."))
""",
    ),
    Hazard(
        "sys.path extended for a module in another folder",
        """
# %% load
import sys
sys.path.append("lib")
# %% change
import hazard_lib_module
value = hazard_lib_module.double(4)
# %% show
print(value, hazard_lib_module.double(1))
""",
        files={"lib/hazard_lib_module.py": "def double(x):\n    return 2 * x\n"},
    ),
    Hazard(
        "file written in one step and read in another",
        """
# %% load
import json
with open("data.json", "w") as file:
    json.dump({"a": [1, 2]}, file)
# %% read
with open("data.json") as file:
    data = json.load(file)
# %% show
print(data)
""",
        ordinary=True,
    ),
    Hazard(
        "file appended to in each step",
        """
# %% load
def log(text):
    with open("log.txt", "a") as file:
        file.write(text + "\\n")
log("one")
# %% change
log("two")
# %% more
log("three")
# %% show
print(open("log.txt").read())
""",
    ),
    Hazard(
        "csv written by pandas and read again",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
df.to_csv("out.csv", index=False)
# %% change
back = pd.read_csv("out.csv")
back["c"] = back["a"] * 2
back.to_csv("out.csv", index=False)
# %% show
print(pd.read_csv("out.csv"))
""",
        files={},
    ),
    Hazard(
        "file deleted and renamed with pathlib",
        """
# %% load
from pathlib import Path
Path("a.txt").write_text("a")
Path("b.txt").write_text("b")
# %% change
Path("a.txt").unlink()
Path("b.txt").rename("c.txt")
# %% show
print(sorted(p.name for p in Path(".").glob("*.txt")))
""",
    ),
    Hazard(
        "folder made and removed, used across steps",
        """
# %% load
import os
folder = "work"
os.mkdir(folder)
path = os.path.join(folder, "x.txt")
# %% write
with open(path, "w") as f:
    f.write("hi")
# %% show
with open(path) as f:
    text = f.read()
os.remove(path)
os.rmdir(folder)
del folder, path
print(text)
""",
    ),
    Hazard(
        "open file handle used across steps",
        """
# %% load
log = open("log.txt", "w")
log.write("one ")
# %% change
log.write("two ")
# %% show
log.close()
print(open("log.txt").read())
""",
        refused="an open file exists in one process only",
        code="steps-inseparable",
    ),
    Hazard(
        "data file beside the notebook",
        """
# %% load
import csv
with open("in.csv") as file:
    rows = list(csv.DictReader(file))
# %% change
total = sum(int(row["n"]) for row in rows)
# %% show metrics
result = total * 2
print(rows, result)
""",
        files={"in.csv": "k,n\na,1\nb,2\n"},
    ),
    Hazard(
        "sqlite file written and read",
        """
# %% load
import sqlite3
with sqlite3.connect("d.db") as db:
    db.execute("create table t (n int)")
    db.execute("insert into t values (1), (2)")
db.close()
# %% read
db = sqlite3.connect("d.db")
rows = db.execute("select sum(n) from t").fetchall()
db.close()
# %% show
import os
os.remove("d.db")
print(rows)
""",
    ),
    Hazard(
        "module attribute patched",
        """
# %% load
import math
import statistics
math.TAU2 = 2 * math.tau
original = statistics.mean
statistics.mean = lambda values: original(values) + 100
# %% change
value = statistics.mean([1, 3])
# %% show
print(value, round(math.TAU2, 3), statistics.mean([5]))
""",
    ),
    Hazard(
        "library class given a new method",
        """
# %% load
import pandas as pd
def double(self):
    return self * 2
pd.Series.double = double
# %% change
s = pd.Series([1, 2]).double()
# %% show
print(s.double().tolist())
""",
    ),
    Hazard(
        "local module with state of its own",
        """
# %% load
import hazard_state
hazard_state.put("a", 1)
# %% change
hazard_state.put("b", 2)
hazard_state.LIMIT = 99
# %% show
print(hazard_state.items(), hazard_state.LIMIT)
""",
        files={
            "hazard_state.py": "LIMIT = 1\n_store = {}\ndef put(k, v):\n    _store[k] = v\n"
            "def items():\n    return sorted(_store.items())\n"
        },
    ),
    Hazard(
        "recursion limit and other settings of sys",
        """
# %% load
import sys
sys.setrecursionlimit(4321)
# %% show
print(sys.getrecursionlimit())
""",
    ),
    Hazard(
        "time zone set through the environment",
        """
# %% load
import os, time
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
# %% show
print(time.strftime("%H:%M", time.localtime(0)))
""",
    ),
    Hazard(
        "logging configured in one step",
        """
# %% load
import logging, sys
logger = logging.getLogger("hazard")
logger.setLevel(logging.INFO)
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
logger.addHandler(handler)
# %% change
logger.info("one")
# %% show
logger.warning("two")
""",
    ),
    Hazard(
        "sklearn configuration",
        """
# %% load
import pandas as pd
import sklearn
from sklearn.preprocessing import StandardScaler
sklearn.set_config(transform_output="pandas")
df = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
# %% change
out = StandardScaler().fit_transform(df)
# %% show
print(type(out).__name__, out["a"].round(3).tolist())
""",
    ),
    Hazard(
        "counter of itertools across steps",
        """
# %% load
import itertools
ids = itertools.count(10)
first = next(ids)
# %% change
second = next(ids)
# %% show
print(first, second, next(ids))
""",
    ),
    Hazard(
        "lock held by an object",
        """
# %% load
import threading
lock = threading.Lock()
total = 0
# %% change
with lock:
    total += 5
# %% show
with lock:
    print(total)
""",
    ),
    Hazard(
        "two splitters draw from one generator",
        """
# %% load
import numpy as np
from sklearn.model_selection import KFold, ShuffleSplit
rs = np.random.RandomState(0)
folds = KFold(3, shuffle=True, random_state=rs)
parts = ShuffleSplit(2, random_state=rs)
X = np.arange(12.0).reshape(6, 2)
# %% change
first = [list(b) for a, b in folds.split(X)]
# %% show
print(first, [list(b) for a, b in parts.split(X)])
""",
    ),
    Hazard(
        "a function that is given a generator",
        """
# %% load
import numpy as np
from sklearn.model_selection import train_test_split
rs = np.random.RandomState(0)
X = np.arange(12.0)
def halves(X, state):
    return train_test_split(X, random_state=state)
# %% change
a, b = halves(X, rs)
# %% again
c, d = train_test_split(X, random_state=rs)
# %% show
print(b, d, rs.rand())
""",
    ),
    Hazard(
        "a method of numpy's global generator, by another name",
        """
# %% load
import numpy as np
np.random.seed(3)
rand = np.random.rand
# %% change
x = rand(3)
# %% show
print(x, rand(2))
""",
    ),
    Hazard(
        "local module reads a file on import that the notebook makes",
        """
# %% load
import json
with open("hazard_conf.json", "w") as f:
    json.dump({"k": 5}, f)
# %% use
import hazard_reader
y = hazard_reader.K
# %% show
print(y)
""",
        files={
            "hazard_conf.json": '{"k": 1}',
            "hazard_reader.py": 'import json\nK = json.load(open("hazard_conf.json"))["k"]\n',
        },
    ),
    Hazard(
        "local module prints, seeds and sets options on import",
        """
# %% load
import numpy as np, pandas as pd
np.random.seed(1)
df = pd.DataFrame({"a": [1.23456]})
print(np.random.rand(), df)
# %% use
import hazard_setup
b = np.random.rand()
print(b, df)
# %% show
print(b, str(df), hazard_setup.MODE)
""",
        files={
            "hazard_setup.py": "import numpy as np, pandas as pd\nnp.random.seed(0)\n"
            'pd.set_option("display.precision", 1)\nprint("set up")\nMODE = "on"\n'
        },
    ),
    Hazard(
        "local module patched before another imports from it",
        """
# %% load
import hazard_base
hazard_base.RATE = 9
# %% use
import hazard_user
y = hazard_user.DOUBLE
# %% show
print(y)
""",
        files={
            "hazard_base.py": "RATE = 1\n",
            "hazard_user.py": "import hazard_base\nDOUBLE = hazard_base.RATE * 2\n",
        },
    ),
    Hazard(
        "local module imported from another working directory",
        """
# %% load
import os
os.chdir("inner")
# %% use
import hazard_where
y = hazard_where.VALUE
# %% show
print(y)
""",
        files={
            "hazard_where.py": 'VALUE = "outer"\n',
            "inner/hazard_where.py": 'VALUE = "inner"\n',
        },
    ),
    Hazard(
        "local module written anew before it is imported",
        """
# %% load
import pathlib, sys
sys.dont_write_bytecode = True
pathlib.Path("hazard_stale.py").write_text("VALUE = 22\\n")
# %% use
import hazard_stale
b = hazard_stale.VALUE
# %% show
print(b)
""",
        files={"hazard_stale.py": "VALUE = 1\n"},
    ),
    Hazard(
        "names for colors, and an empty figure that is saved",
        """
# %% load
import matplotlib as mpl
import matplotlib.pyplot as plt
mpl.colors.get_named_colors_mapping()["corp"] = "#123456"
mpl.colors.get_named_colors_mapping()["tab:blue"] = "#654321"
# %% change
plt.plot([1, 2], color="corp")
plt.plot([2, 1], color="tab:blue")
# %% more
plt.savefig("empty.png")
# %% show
print(mpl.colors.to_hex("corp"), mpl.colors.to_hex("tab:blue"), mpl.colors.to_hex("xkcd:grey"))
""",
    ),
)
