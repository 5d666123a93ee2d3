"""Two names for one object, views into one buffer, identity."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "two names for one list in three steps",
        """
# %% load
a = [1]
b = a
# %% change
a.append(2)
# %% more
b.append(3)
# %% show
print(a, b, a is b)
""",
        ordinary=True,
    ),
    Hazard(
        "an element is also a variable",
        """
# %% load
inner = {"n": 1}
outer = [inner, inner]
# %% change
inner["n"] = 2
# %% show
print(outer, outer[0] is inner, outer[0] is outer[1])
""",
    ),
    Hazard(
        "alias that only one branch of the flow changes",
        """
# %% load
base = [0]
# %% left
left = base
left.append(1)
# %% right
right = list(base)
right.append(2)
# %% join
print(base, left, right, left is base)
""",
    ),
    Hazard(
        "rows times n share one list",
        """
# %% load
grid = [[0] * 3] * 3
safe = [[0] * 3 for _ in range(3)]
# %% change
grid[0][0] = 1
safe[0][0] = 1
# %% show
print(grid, safe)
""",
    ),
    Hazard(
        "dict.fromkeys shares its value",
        """
# %% load
table = dict.fromkeys("abc", [])
# %% change
table["a"].append(1)
# %% show
print(table)
""",
    ),
    Hazard(
        "numpy view into another array",
        """
# %% load
import numpy as np
a = np.arange(6.0)
b = a[2:5]
# %% change
b[0] = 100
# %% more
a[3] = -1
# %% show
print(a, b, np.shares_memory(a, b))
""",
        ordinary=True,
    ),
    Hazard(
        "reshape, ravel and transpose are views",
        """
# %% load
import numpy as np
m = np.arange(6).reshape(2, 3)
flat = m.ravel()
t = m.T
# %% change
flat[0] = 50
t[2, 1] = 60
# %% show
print(m, flat, t)
""",
    ),
    Hazard(
        "numpy copy is no view",
        """
# %% load
import numpy as np
a = np.zeros(3)
b = a.copy()
c = a[[0, 1]]
# %% change
a[:] = 1
# %% show
print(a, b, c)
""",
    ),
    Hazard(
        "np.asarray shares, np.array copies",
        """
# %% load
import numpy as np
a = np.arange(4)
same = np.asarray(a)
own = np.array(a)
# %% change
a[0] = 9
# %% show
print(same, own, same is a)
""",
    ),
    Hazard(
        "memoryview over an array",
        """
# %% load
import array
numbers = array.array("i", [1, 2, 3])
view = memoryview(numbers)
# %% change
view[0] = 10
# %% show
print(numbers.tolist(), view.tolist())
""",
    ),
    Hazard(
        "array inside a dict and as a variable",
        """
# %% load
import numpy as np
weights = np.ones(3)
model = {"weights": weights, "part": weights[:2]}
# %% change
weights *= 2
model["weights"][2] = 7
# %% show
print(weights, model)
""",
    ),
    Hazard(
        "view of a view kept alone",
        """
# %% load
import numpy as np
base = np.arange(10)
window = base[2:8]
inner = window[1:4]
# %% change
inner += 100
# %% show
print(base, window, inner)
""",
    ),
    Hazard(
        "object array holds lists that are variables",
        """
# %% load
import numpy as np
one = [1]
cells = np.empty(2, dtype=object)
cells[0] = one
cells[1] = one
# %% change
one.append(2)
cells[1].append(3)
# %% show
print(cells.tolist(), cells[0] is one, cells[0] is cells[1])
""",
    ),
    Hazard(
        "series taken from a frame, then the frame changed",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
s = df["a"]
# %% change
df.loc[0, "a"] = 50
# %% show
print(s.tolist(), df["a"].tolist())
""",
    ),
    Hazard(
        "frame values as an array, then changed",
        """
# %% load
import numpy as np
import pandas as pd
df = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
values = df.to_numpy(copy=True)
# %% change
values[0, 0] = 99
df["a"] = df["a"] + 1
# %% show
print(values, df)
""",
    ),
    Hazard(
        "frame with two names, one changed in place",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [3, 1, 2]})
other = df
copy = df.copy()
# %% change
df.sort_values("a", inplace=True)
df["b"] = 1
# %% show
print(other, copy, other is df)
""",
    ),
    Hazard(
        "is None and singletons",
        """
# %% load
value = None
flag = True
empty = ()
dots = ...
# %% change
other = value
# %% show
print(value is None, flag is True, other is None, empty == (), dots is Ellipsis)
""",
    ),
    Hazard(
        "enum members keep their identity",
        """
# %% load
from enum import Enum, Flag, auto
class Colour(Enum):
    RED = 1
    BLUE = 2
class Rights(Flag):
    READ = auto()
    WRITE = auto()
chosen = Colour.RED
rights = Rights.READ | Rights.WRITE
# %% change
table = {Colour.RED: "r", Colour.BLUE: "b"}
# %% show
print(chosen is Colour.RED, table[chosen], rights, Rights.READ in rights)
""",
        ordinary=True,
    ),
    Hazard(
        "sentinel object compared by identity",
        """
# %% load
MISSING = object()
table = {"a": MISSING, "b": 1}
# %% change
def pick(key, default=MISSING):
    return table.get(key, default)
found = pick("z")
# %% show
print(table["a"] is MISSING, found is MISSING, pick("b"))
""",
    ),
    Hazard(
        "cycle of references",
        """
# %% load
parent = {"name": "p"}
child = {"name": "c", "parent": parent}
parent["child"] = child
loop = [1]
loop.append(loop)
# %% change
parent["child"]["name"] = "d"
# %% show
print(child["name"], parent["child"]["parent"] is parent, loop[1] is loop)
""",
    ),
    Hazard(
        "object referred to by two objects in two variables",
        """
# %% load
class Node:
    def __init__(self, value):
        self.value = value
        self.links = []
shared = Node(0)
left, right = Node(1), Node(2)
left.links.append(shared)
right.links.append(shared)
del shared
# %% change
left.links[0].value = 42
# %% show
print(right.links[0].value, left.links[0] is right.links[0])
""",
    ),
    Hazard(
        "weak references",
        """
# %% load
import weakref
class Thing: pass
thing = Thing()
thing.n = 1
ref = weakref.ref(thing)
# %% change
thing.n = 2
# %% show
print(ref() is thing, ref().n)
""",
        refused="a weak reference cannot be stored",
        code="steps-inseparable",
    ),
    Hazard(
        "id() compared across steps",
        """
# %% load
data = [1]
key = id(data)
# %% change
data.append(2)
# %% show
print(id(data) == key)
""",
        refused="an address means nothing in another process",
        code="steps-inseparable",
    ),
    Hazard(
        "estimator inside a pipeline is also a variable",
        """
# %% load
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X = np.array([[1.0], [2.0], [3.0], [4.0]])
y = np.array([2.0, 4.0, 6.0, 8.5])
scaler = StandardScaler()
model = make_pipeline(scaler, LinearRegression())
# %% train
model.fit(X, y)
# %% show metrics
mean = float(scaler.mean_[0])
score = model.score(X, y)
print(mean, round(score, 6), model[0] is scaler)
""",
    ),
    Hazard(
        "transformer fitted through an alias",
        """
# %% load
import numpy as np
from sklearn.preprocessing import StandardScaler
X = np.array([[1.0], [2.0], [3.0]])
scaler = StandardScaler()
same = scaler
# %% fit
same.fit(X)
# %% show
print(scaler.mean_, scaler.transform(X).ravel())
""",
    ),
)
