"""Frames, arrays, estimators and figures."""

from tests.hazards.hazard import Hazard

_FRAME = """
# %% load
import numpy as np
import pandas as pd
df = pd.DataFrame({"a": [3, 1, 2], "b": ["x", "y", "x"], "c": [0.5, np.nan, 1.5]})
"""

HAZARDS = (
    Hazard(
        "column added in a later step",
        _FRAME
        + """
# %% change
df["d"] = df["a"] * 2
df.insert(0, "first", range(3))
# %% show
print(df)
""",
        ordinary=True,
    ),
    Hazard(
        "inplace=True in several forms",
        _FRAME
        + """
# %% change
df.fillna({"c": 0}, inplace=True)
df.rename(columns={"a": "A"}, inplace=True)
df.drop(columns=["b"], inplace=True)
# %% more
df.sort_values("A", inplace=True)
df.reset_index(drop=True, inplace=True)
# %% show
print(df)
""",
    ),
    Hazard(
        "columns, index and attributes assigned",
        _FRAME
        + """
# %% change
df.columns = ["p", "q", "r"]
df.index = list("xyz")
df.index.name = "key"
df.attrs["source"] = "here"
# %% show
print(df, df.attrs, df.index.name)
""",
    ),
    Hazard(
        "loc, iloc, at, iat and mask assignment",
        _FRAME
        + """
# %% change
df.loc[df["a"] > 1, "c"] = 9
df.iloc[0, 1] = "z"
df.at[2, "a"] = 100
df.iat[1, 0] = -1
# %% show
print(df)
""",
    ),
    Hazard(
        "pop, del and update of a frame",
        _FRAME
        + """
# %% change
c = df.pop("c")
del df["b"]
df.update(pd.DataFrame({"a": [7.0]}, index=[1]))
# %% show
print(df, c.tolist())
""",
    ),
    Hazard(
        "chained methods and assign with lambdas",
        _FRAME
        + """
# %% change
limit = 1
out = (
    df.assign(d=lambda t: t["a"] * limit)
    .query("a > @limit")
    .pipe(lambda t: t.rename(columns=str.upper))
)
# %% show
print(out)
""",
    ),
    Hazard(
        "query and eval that read variables by text",
        _FRAME
        + """
# %% set
low = 1
high = 3
# %% change
part = df.query("@low < a < @high")
df.eval("e = a * @high", inplace=True)
# %% show
print(part, df)
""",
    ),
    Hazard(
        "categoricals, ordered and with unused levels",
        """
# %% load
import pandas as pd
s = pd.Series(pd.Categorical(["lo", "hi", "lo"], categories=["lo", "mid", "hi"], ordered=True))
# %% change
s = s.cat.add_categories(["top"])
s[0] = "top"
# %% show
print(s, s.cat.categories.tolist(), s.cat.ordered, s.max())
""",
    ),
    Hazard(
        "MultiIndex, stack and groupby object",
        """
# %% load
import pandas as pd
index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", "n"])
df = pd.DataFrame({"v": [1, 2, 3, 4]}, index=index)
# %% group
groups = df.groupby(level="k")
total = groups["v"].sum()
# %% change
df.loc[("a", 1), "v"] = 100
# %% show
print(df, total, df.xs("a").shape)
""",
    ),
    Hazard(
        "groupby object used in a later step",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"k": list("aab"), "v": [1, 2, 3]})
groups = df.groupby("k")
# %% use
means = groups["v"].mean()
# %% show
print(means, sorted(groups.groups))
""",
    ),
    Hazard(
        "dates with time zones, frequencies and periods",
        """
# %% load
import pandas as pd
times = pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin")
s = pd.Series([1, 2, 3], index=times)
p = pd.period_range("2024-01", periods=2, freq="M")
# %% change
utc = s.tz_convert("UTC")
s.iloc[0] = 50
delta = times[1] - times[0]
# %% show
print(s, utc.index.tz, s.index.freq, p, delta)
""",
    ),
    Hazard(
        "nullable and string dtypes",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"i": pd.array([1, None], dtype="Int64"),
                   "s": pd.array(["x", None], dtype="string"),
                   "b": pd.array([True, None], dtype="boolean")})
# %% change
df["i"] = df["i"].fillna(5)
# %% show
print(df, df.dtypes)
""",
    ),
    Hazard(
        "frame with duplicate columns and an object column of lists",
        """
# %% load
import pandas as pd
df = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
lists = pd.DataFrame({"l": [[1], [2]]})
# %% change
lists.loc[0, "l"].append(9)
# %% show
print(df, lists)
""",
    ),
    Hazard(
        "sparse matrix changed in place",
        """
# %% load
import numpy as np
from scipy import sparse
m = sparse.csr_matrix(np.eye(3))
# %% change
m.data[0] = 5
m = m + m
# %% show
print(m.toarray(), m.nnz)
""",
    ),
    Hazard(
        "numpy in-place operations and out=",
        """
# %% load
import numpy as np
a = np.arange(4.0)
b = np.zeros(4)
# %% change
a *= 2
np.add(a, 1, out=b)
np.fill_diagonal(m := np.zeros((2, 2)), 3)
a.sort()
a[::-1].sort()
b.fill(7)
# %% show
print(a, b, m)
""",
    ),
    Hazard(
        "np.put, copyto, place and ufunc.at",
        """
# %% load
import numpy as np
a = np.arange(5)
b = np.zeros(5)
# %% change
np.put(a, [0, 1], [9, 8])
np.copyto(b, a)
np.add.at(b, [0, 0], 1)
np.place(a, a > 8, [0])
# %% show
print(a, b)
""",
    ),
    Hazard(
        "numpy scalars and zero-dimensional arrays",
        """
# %% load
import numpy as np
x = np.float64(0.1)
n = np.int32(3)
z = np.array(5)
flag = np.bool_(True)
# %% change
x = x + n
z += 1
# %% show
print(repr(x), type(n).__name__, z, z.shape, flag, type(x).__name__)
""",
    ),
    Hazard(
        "read-only array stays read-only",
        """
# %% load
import numpy as np
a = np.arange(3)
a.flags.writeable = False
# %% change
try:
    a[0] = 1
    failed = False
except ValueError:
    failed = True
# %% show
print(a, failed, a.flags.writeable)
""",
    ),
    Hazard(
        "structured array and a view of one field",
        """
# %% load
import numpy as np
rows = np.array([(1, 2.0), (3, 4.0)], dtype=[("n", "i4"), ("v", "f8")])
v = rows["v"]
# %% change
v[0] = 99
rows["n"] += 1
# %% show
print(rows, v)
""",
    ),
    Hazard(
        "masked array, record array and datetime64",
        """
# %% load
import numpy as np
m = np.ma.masked_invalid([1.0, np.nan, 3.0])
r = np.rec.array([(1, "a")], names="n,s")
d = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
# %% change
m[0] = 10
r.n[0] = 5
# %% show
print(m, r.n, d, m.sum())
""",
    ),
    Hazard(
        "Fortran order and strides",
        """
# %% load
import numpy as np
f = np.asfortranarray(np.arange(6).reshape(2, 3))
s = np.arange(10)[::3]
# %% change
f[0, 0] = 7
# %% show
print(f, f.flags.f_contiguous, s, f.ravel("K"))
""",
    ),
    Hazard(
        "estimator made in one step, fitted in the next, used in a third",
        """
# %% load
import numpy as np
from sklearn.linear_model import Ridge
X = np.arange(12.0).reshape(6, 2)
y = X.sum(axis=1)
# %% make
model = Ridge(alpha=0.5)
# %% fit
model.fit(X, y)
# %% show metrics
score = round(model.score(X, y), 6)
print(score, model.coef_.round(4))
""",
        ordinary=True,
    ),
    Hazard(
        "partial_fit in several steps",
        """
# %% load
import numpy as np
from sklearn.linear_model import SGDClassifier
X = np.array([[0.0], [1.0], [2.0], [3.0]])
y = np.array([0, 0, 1, 1])
model = SGDClassifier(random_state=0)
# %% first
model.partial_fit(X, y, classes=[0, 1])
# %% second
model.partial_fit(X, y)
# %% show
print(model.coef_.round(3), model.t_)
""",
    ),
    Hazard(
        "fit in a loop over a dict of models",
        """
# %% load
import numpy as np
from sklearn.linear_model import Lasso, Ridge
X = np.arange(8.0).reshape(4, 2)
y = X[:, 0] * 2
models = {"ridge": Ridge(), "lasso": Lasso()}
# %% fit
scores = {}
for name, model in models.items():
    model.fit(X, y)
    scores[name] = round(model.score(X, y), 4)
# %% show metrics
best = max(scores, key=scores.get)
print(scores, best, models[best].coef_.round(3))
""",
    ),
    Hazard(
        "set_params and a cloned estimator",
        """
# %% load
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier
tree = DecisionTreeClassifier(random_state=0)
copy = clone(tree)
# %% change
tree.set_params(max_depth=2)
tree.extra = "mine"
# %% fit
tree.fit([[0], [1], [2], [3]], [0, 0, 1, 1])
# %% show
print(tree.get_depth(), copy.max_depth, tree.extra)
""",
    ),
    Hazard(
        "fit_transform on train, transform on test",
        """
# %% load
import numpy as np
from sklearn.preprocessing import MinMaxScaler
train, test = np.array([[0.0], [10.0]]), np.array([[5.0]])
scaler = MinMaxScaler()
# %% scale
train = scaler.fit_transform(train)
# %% apply
test = scaler.transform(test)
# %% show
print(train.ravel(), test.ravel(), scaler.data_max_)
""",
    ),
    Hazard(
        "column transformer with a lambda inside",
        """
# %% load
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer
power = 2
df = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
square = FunctionTransformer(lambda x: x ** power)
ct = ColumnTransformer([("sq", square, ["a"])], remainder="passthrough")
# %% fit
out = ct.fit_transform(df)
# %% show
print(out, ct.transform(df)[0])
""",
    ),
    Hazard(
        "grid search and its best estimator",
        """
# %% load
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
rng = np.random.default_rng(0)
X = rng.random((20, 2))
y = X[:, 0] + 0.1 * rng.random(20)
# %% search
search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3).fit(X, y)
# %% use
best = search.best_estimator_
best.alpha_noted = best.alpha
# %% show metrics
score = round(search.best_score_, 6)
print(search.best_params_, score, search.best_estimator_ is best)
""",
    ),
    Hazard(
        "train_test_split and what was split",
        """
# %% load
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
df = pd.DataFrame({"a": range(10), "y": [0, 1] * 5})
X, y = df[["a"]], df["y"]
# %% split
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
# %% change
X_train = X_train.copy()
X_train["b"] = X_train["a"] ** 2
# %% show
print(X_train.shape, X_test.columns.tolist(), df.shape, y_train.sum())
""",
    ),
    Hazard(
        "figure drawn and shown in one cell",
        """
# %% load
import matplotlib.pyplot as plt
data = [1, 4, 9]
# %% draw
plt.figure(figsize=(2, 1))
plt.plot(data)
plt.title("squares")
plt.show()
# %% show
print(sum(data))
""",
        ordinary=True,
    ),
    Hazard(
        "several figures in the cells of one step",
        """
# %% load
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (2, 1)
# %% draw
plt.plot([1, 2])
# %% draw
fig, ax = plt.subplots()
ax.bar([1, 2], [3, 4])
# %% draw
plt.hist([1, 1, 2])
plt.show()
plt.plot([2, 1])
# %% show
n = 4
print(n)
""",
    ),
    Hazard(
        "axes handed to a function that draws",
        """
# %% load
import matplotlib.pyplot as plt
import pandas as pd
df = pd.DataFrame({"a": [1, 3, 2]})
def draw(ax, frame):
    frame.plot(ax=ax, legend=False)
    ax.set_title("t")
# %% draw
fig, ax = plt.subplots(figsize=(2, 1))
draw(ax, df)
plt.show()
# %% show
print(len(df))
""",
    ),
    Hazard(
        "figure drawn across steps",
        """
# %% load
import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(2, 1))
# %% change
ax.plot([1, 2, 3])
# %% show
fig.savefig("plot.png")
print(len(ax.lines))
""",
    ),
    Hazard(
        "figure saved to a file",
        """
# %% load
import matplotlib.pyplot as plt
values = [3, 1, 2]
# %% draw
fig, ax = plt.subplots(figsize=(2, 1))
ax.plot(values)
fig.savefig("plot.png", metadata={"Software": None})
plt.close(fig)
# %% show
import os
print(os.path.exists("plot.png"))
""",
    ),
    Hazard(
        "large array through several steps",
        """
# %% load
import numpy as np
big = np.arange(500_000, dtype=float)
half = big[::2]
# %% change
big[0] = -5
# %% more
half[1] = 77
# %% show
print(big[:4], half[:3], big.sum())
""",
    ),
    Hazard(
        "joblib dump and load",
        """
# %% load
import joblib
import numpy as np
from sklearn.linear_model import LinearRegression
X = np.arange(4.0).reshape(-1, 1)
model = LinearRegression().fit(X, X.ravel() * 3)
joblib.dump(model, "model.joblib")
# %% read
again = joblib.load("model.joblib")
# %% show
print(again.predict([[2.0]]).round(6))
""",
    ),
    Hazard(
        "Parallel with a function of the notebook",
        """
# %% load
from joblib import Parallel, delayed
offset = 10
def work(n):
    return n * n + offset
# %% run
results = Parallel(n_jobs=1)(delayed(work)(n) for n in range(3))
# %% show
print(results)
""",
    ),
    Hazard(
        "dict keys view that stays live",
        """
# %% load
table = {"a": 1}
keys = table.keys()
values = table.values()
# %% change
table["b"] = 2
# %% show
print(list(keys), list(values), "b" in keys)
""",
    ),
    Hazard(
        "zip and enumerate consumed in the same step",
        """
# %% load
a, b = [1, 2], ["x", "y"]
# %% change
pairs = dict(zip(b, a))
numbered = [(i, v) for i, v in enumerate(b)]
# %% show
print(pairs, numbered)
""",
    ),
    Hazard(
        "regular expression, path, date, decimal and fraction values",
        """
# %% load
import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
pattern = re.compile(r"(\\d+)")
place = Path("a") / "b.txt"
day = dt.date(2024, 2, 28)
price = Decimal("1.10")
part = Fraction(1, 3)
# %% change
day += dt.timedelta(days=2)
found = pattern.findall("a1b22")
# %% show
print(found, place.suffix, day, price * 2, part + 1)
""",
    ),
    Hazard(
        "match object kept",
        """
# %% load
import re
found = re.match(r"(\\w+) (\\w+)", "hello world")
# %% use
word = found.group(2)
# %% show
print(word, found.span())
""",
    ),
    Hazard(
        "paths that were resolved and joined",
        """
# %% load
from pathlib import Path
root = Path()
data = root.joinpath("data")
print(data.name, str(root), data.exists())
# %% use
data.mkdir(exist_ok=True)
(data / "x.txt").write_text("1")
found = sorted(each.name for each in data.iterdir())
# %% show
print(found, data.parent == root, {data: 1}[root / "data"])
""",
    ),
    Hazard(
        "model by formula",
        """
# %% load
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
rng = np.random.default_rng(1)
df = pd.DataFrame({"x": rng.normal(size=50), "page": rng.choice(list("abc"), 50)})
df["y"] = 2 * df["x"] + rng.normal(size=50)
power = 2.0
def raised(v):
    return v ** power
power += 1
# %% fit
model = smf.ols("y ~ x + C(page)", data=df).fit()
other = smf.ols(formula="y ~ raised(x)", data=df).fit().params.round(6).to_dict()
# %% show
print(model.params.round(6).to_dict(), model.predict(df.head(2)).round(6).tolist())
print(other)
""",
    ),
    Hazard(
        "state that no attribute shows",
        """
# %% load
import collections, functools
least = functools.partial(max, 1)
last = collections.deque([1, 2], maxlen=2)
row = [0]
table = [row, row]
# %% change
last.append(least(3))
table[0].append(5)
# %% show
print(least(0), list(last), last.maxlen, table, table[0] is table[1])
""",
    ),
    Hazard(
        "dataclass that stays a variable",
        """
# %% load
from dataclasses import dataclass, field
start = 0.5
@dataclass
class Settings:
    rate: float = start
    tags: list = field(default_factory=list)
start = 2
# %% change
settings = Settings(tags=["a"])
# %% show
print(settings.rate, settings.tags, Settings().rate, start)
""",
    ),
    *(
        Hazard(
            f"frames with text that share their columns{where}",
            f"""
# %% load
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
{option}
df = pd.DataFrame({{"a": [1.0, 2.0, 3.0, 4.0], "c": ["r", "g", None, "r"]}}, index=list("pqrs"))
df["k"] = df["c"].astype("category")
spans = df.set_index(pd.IntervalIndex.from_breaks([0, 1, 2, 3, 4]))
# %% split
train, test = train_test_split(df, random_state=0)
texts = df["c"]
renamed = df.rename(columns={{"a": "A"}})
part = spans[["c", "k"]]
# %% change
texts.iloc[0] = "changed"
renamed.loc["q", "c"] = "w"
part = part.assign(n=part["c"].str.len())
df.loc["s", "c"] = "s"
# %% show
print(df, spans, train, test, texts, renamed, part, df.dtypes)
""",
        )
        for where, option in (
            ("", ""),
            (", in Python's own strings", 'pd.options.mode.string_storage = "python"'),
        )
    ),
    Hazard(
        "texts that nobody can write to",
        """
# %% load
import numpy as np
import pandas as pd
df = pd.DataFrame({"name": pd.Series(["ana", "bo", None], dtype=object), "n": [1, 2, 3]})
names = df["name"].values
alone = pd.Series(["x", "y"], dtype=object).to_numpy()
many = np.asarray(pd.Series(list("abcd") * 500, dtype=object))
# %% change
found = []
for array in (names, alone, many):
    try:
        array[0] = "z"
        found.append("written")
    except ValueError as error:
        found.append(str(error))
df.loc[1, "name"] = "changed"
# %% show
print(names, alone, many[:3], found, [each.flags.writeable for each in (names, alone, many)], df)
""",
    ),
    Hazard(
        "fitted estimator that a later step's estimator holds",
        """
# %% load
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier
X = np.arange(40.0).reshape(20, 2)
y = np.arange(20) % 2
# %% fit
inner = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, y)
# %% calibrate
outer = CalibratedClassifierCV(inner, cv=2).fit(X, y)
# %% show
print(inner.predict(X[:3]), outer.predict_proba(X[:3]).round(6), outer.estimator is inner)
""",
    ),
    Hazard(
        "memory that texts take",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"city": ["Zürich", "Orléans", "Łódź"] * 400, "n": range(1200)})
df["city"] = df["city"].astype(object)
few = df.head(5).copy()
# %% look
print(df.memory_usage(deep=True).to_dict(), few.memory_usage(deep=True).to_dict())
# %% again
df.info(memory_usage="deep")
""",
    ),
    Hazard(
        "product of a part of a frame",
        """
# %% load
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
df = pd.DataFrame(rng.normal(size=(1000, 12)), columns=list("abcdefghijkl"))
test = df.iloc[::3, 1:9]
turned = np.asarray(df)[::-2, ::3]
w = np.arange(8.0)
# %% score
print(repr((test.to_numpy() @ w).sum()), turned.strides, repr(turned.sum()))
""",
    ),
    Hazard(
        "modules that the notebook writes and loads again",
        """
# %% begin
%load_ext autoreload
%autoreload 2
from pathlib import Path
Path("loaded_again.py").write_text("VALUE = 1")
# %% use
import loaded_again
print(loaded_again.VALUE)
""",
        refused="it would load the module again",
        code="magic-refused",
    ),
)
