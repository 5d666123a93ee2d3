"""Magics, shell lines, star imports, await, shadowed builtins, odd names, tags."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "%matplotlib inline and other notices",
        """
# %%
%matplotlib inline
%config InlineBackend.figure_format = 'png'
%load_ext autoreload
%autoreload 2
# %% load
x = 1
# %% change
x += 1
# %% show
print(x)
""",
    ),
    Hazard(
        "%time that assigns",
        """
# %% load
data = list(range(5))
# %% change
%time total = sum(data)
# %% show
result = total + 1
print(result)
""",
    ),
    Hazard(
        "%%time over a cell that assigns",
        """
# %% load
data = list(range(5))
# %% change
%%time
total = 0
for value in data:
    total += value
# %% show
print(total)
""",
    ),
    Hazard(
        "%timeit leaves nothing behind",
        """
# %% load
x = 1
# %% change
%timeit -n 1 -r 1 -q y = x + 1
z = x + 2
# %% show
print(z)
""",
    ),
    Hazard(
        "%%capture with a name",
        """
# %% load
def noisy():
    print("noise")
    return 3
# %% change
%%capture said
value = noisy()
# %% show
print(value, said.stdout)
""",
    ),
    Hazard(
        "%%capture without a name",
        """
# %% load
rows = []
# %% change
%%capture
print("hidden")
rows.append(1)
# %% show
print(rows)
""",
    ),
    Hazard(
        "shell line that is printed",
        """
# %% load
word = "hello"
# %% change
!echo shell {word}
# %% show
print(word)
""",
    ),
    Hazard(
        "shell assignment",
        """
# %% load
name = "abc"
# %% change
lines = !echo one; echo two
# %% show
print(list(lines), name)
""",
    ),
    Hazard(
        "%%bash cell writes a file",
        """
# %% load
x = 1
# %% change
%%bash
echo from bash > made.txt
# %% show
print(open("made.txt").read().strip(), x)
""",
    ),
    Hazard(
        "%%writefile and import",
        """
# %% load
x = 4
# %% write
%%writefile hazard_written.py
def triple(v):
    return 3 * v
# %% use
import hazard_written
y = hazard_written.triple(x)
# %% show
print(y)
""",
    ),
    Hazard(
        "%env and %set_env",
        """
# %% load
import os
%env HAZARD_A=one
# %% change
%set_env HAZARD_B two
# %% show
print(os.environ["HAZARD_A"], os.environ["HAZARD_B"])
""",
    ),
    Hazard(
        "%run of a script",
        """
# %% load
x = 2
# %% change
%run helper.py
# %% show
print(x, from_script)
""",
        files={"helper.py": "from_script = 5\n"},
        refused="a script that binds names unseen",
        code="magic-refused",
    ),
    Hazard(
        "%who, %precision and help",
        """
# %% load
x = 1 / 3
# %% change
%precision 3
len?
# %% show
print(round(x, 3))
""",
    ),
    Hazard(
        "star import used in several steps",
        """
# %% load
from math import *
r = 2.0
# %% change
area = pi * r ** 2
# %% show
print(round(area, 3), sqrt(16), floor(2.5))
""",
        ordinary=True,
    ),
    Hazard(
        "star import that shadows a builtin",
        """
# %% load
from math import *
x = pow(2, 3)
# %% show
print(x, type(pow(2, 2)).__name__)
""",
    ),
    Hazard(
        "two star imports",
        """
# %% load
from collections import *
from itertools import *
c = Counter("aab")
# %% change
first = list(islice(count(3), 2))
# %% show
print(c, first)
""",
    ),
    Hazard(
        "star import of a local module",
        """
# %% load
from hazard_names import *
a = helper(1)
# %% show
print(a, CONSTANT, helper(CONSTANT))
""",
        files={
            "hazard_names.py": "CONSTANT = 7\n_own = 1\ndef helper(x):\n    return x + CONSTANT\n"
        },
    ),
    Hazard(
        "top-level await",
        """
# %% load
import asyncio
async def fetch(n):
    await asyncio.sleep(0)
    return n * 2
# %% change
value = await fetch(21)
# %% show
print(value)
""",
    ),
    Hazard(
        "await in a loop and async for",
        """
# %% load
import asyncio
async def numbers(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
# %% change
found = []
async for value in numbers(3):
    found.append(value)
more = [v async for v in numbers(2)]
# %% show
print(found, more)
""",
    ),
    Hazard(
        "async function run with asyncio.gather",
        """
# %% load
import asyncio
async def double(x):
    await asyncio.sleep(0)
    return 2 * x
# %% change
results = await asyncio.gather(*(double(i) for i in range(3)))
# %% show
total = sum(results)
print(results, total)
""",
    ),
    Hazard(
        "shadowed builtins",
        """
# %% load
list = [1, 2]
sum = 10
id = "x"
# %% change
max = sum + len(list)
# %% show
print(list, sum, id, max)
""",
    ),
    Hazard(
        "builtin shadowed in a later step",
        """
# %% load
a = sum([1, 2])
# %% change
b = max([1, 5])
max = b
# %% show
print(a, b, max)
""",
    ),
    Hazard(
        "builtin shadowed, deleted and used again",
        """
# %% load
str = "text"
a = str
# %% change
del str
b = str(5)
# %% show
print(a, b)
""",
        refused="a builtin that is shadowed, deleted and used again",
        code="deleted-name",
    ),
    Hazard(
        "names that start with an underscore",
        """
# %% load
_private = [1]
__mangled = 2
_ = "ignored"
# %% change
_private.append(3)
for _k in range(2):
    pass
# %% show
print(_private, __mangled, _k)
""",
    ),
    Hazard(
        "a name that IPython binds anew before every cell",
        """
# %% load
for _i in range(3):
    last = _i
# %% show
print(_i == 2, last)
""",
        refused="IPython's history exists in the notebook only",
        code="notebook-history",
    ),
    Hazard(
        "underscore as a loop variable and a target",
        """
# %% load
pairs = [(1, 2), (3, 4)]
first, _ = pairs[0]
# %% change
total = 0
for _, second in pairs:
    total += second
# %% show
print(first, total)
""",
    ),
    Hazard(
        "_ and Out[n] read",
        """
# %% load
1 + 1
# %% change
x = _ + 5
# %% show
print(x, Out[1])
""",
        refused="IPython's history exists in the notebook only",
        code="notebook-history",
    ),
    Hazard(
        "unicode names and text",
        """
# %% load
größe = 3
π = 3.14
# %% change
größe *= 2
名前 = "値"
# %% show
print(größe, π, 名前, "✓")
""",
    ),
    Hazard(
        "names that Python folds to one",
        """
# %% load
ﬁle = 1
x²y = 0 if False else 2
""".replace("x²y = 0 if False else 2\n", "")
        + """
# %% change
file = ﬁle + 1
# %% show
print(ﬁle)
""",
    ),
    Hazard(
        "f-strings that read names, nested and over lines",
        '''
# %% load
name = "x"
width = 8
value = 3.14159
# %% change
label = f"{name!r:>{width}}|{value:.2f}|{name + f'{width}'}"
text = f"""{name} is
  {value:{width}.3f} and {{braces}} and {width=}
"""
# %% show
print(label)
print(text)
''',
        ordinary=True,
    ),
    Hazard(
        "multi-line strings keep their indentation",
        '''
# %% load
query = """
select *
    from t
  where a = 1
"""
def doc():
    """First.

        Indented.
    """
# %% change
lines = query.split("\\n")
# %% show
import inspect
print(lines, repr(inspect.getdoc(doc)))
''',
    ),
    Hazard(
        "line continuation, semicolons and several statements",
        """
# %% load
a = 1; b = 2
c = a + \\
    b
# %% change
if a: d = [c,
    b]
e = d; e.append(a);
# %% show
print(c, d, e)
""",
    ),
    Hazard(
        "global statement at top level",
        """
# %% load
global x
x = 1
# %% change
def f():
    global x, y
    x, y = x + 1, 10
f()
# %% show
print(x, y)
""",
    ),
    Hazard(
        "global declared for a name first bound in a loop",
        """
# %% load
total = 0
def add(n):
    global total
    total += n
# %% change
for i in range(4):
    add(i)
# %% show
print(total, i)
""",
    ),
    Hazard(
        "walrus inside a function call and f-string",
        """
# %% load
data = [3, 4]
# %% change
print(f"{(n := len(data))} items")
y = max(top := 9, 2)
# %% show
print(n, top, y)
""",
    ),
    Hazard(
        "name == main",
        """
# %% load
def main():
    return 5
result = 0
# %% change
if __name__ == "__main__":
    result = main()
# %% show
print(result)
""",
    ),
    Hazard(
        "cells without tags between tagged ones",
        """
# %%
import math
# %% load
x = [1, 4]
# %%
roots = [math.sqrt(v) for v in x]
# %% show
x.append(9)
# %%
print(roots, x)
""",
    ),
    Hazard(
        "a step whose cells are scattered",
        """
# %% prepare
a = [1]
# %% other
b = a + [2]
# %% prepare
a.append(b[-1])
# %% other
b.append(len(a))
# %% show
print(a, b)
""",
        ordinary=True,
    ),
    Hazard(
        "scattered cells that print",
        """
# %% one
print("first")
x = 1
# %% two
print("second")
y = 2
# %% one
print("third")
z = 3
# %% show
print(x, y, z)
""",
    ),
    Hazard(
        "step named like a variable, a function and a keyword",
        """
# %% data
data = [1]
# %% step:class
def fit(x):
    return x + [2]
# %% fit
data = fit(data)
# %% print
print(data)
""",
    ),
    Hazard(
        "steps named like builtins and modules",
        """
# %% list
import json
values = list(range(3))
# %% json
text = json.dumps(values)
# %% len
n = len(text)
# %% show
print(text, n)
""",
    ),
    Hazard(
        "parameters used and changed",
        """
# %% parameters
rate = 0.5  # learning rate
names = ["a", "b"]
n = 3
# %% load
rows = [rate * i for i in range(n)]
# %% change
names.append("c")
n = n + 1
# %% show
print(rows, names, n, rate)
""",
    ),
    Hazard(
        "parameters given from outside",
        """
# %% parameters
rate: float = 0.5
n: int = 3
mode = "fast"
# %% load
rows = [rate * i for i in range(n)]
# %% change
def label():
    return f"{mode}-{n}"
# %% show metrics
result = sum(rows)
print(rows, label(), result)
""",
        parameters=(("rate", "2.0"), ("n", "4"), ("mode", "slow")),
        ordinary=True,
    ),
    Hazard(
        "parameter that a function reads, rebound later",
        """
# %% parameters
limit = 2
# %% load
def clip(v):
    return min(v, limit)
a = clip(10)
# %% change
limit = limit * 10
# %% show
print(a, clip(10), limit)
""",
        parameters=(("limit", "3"),),
    ),
    Hazard(
        "Kale tags",
        """
# %% imports
import math
# %% functions
def area(r):
    return math.pi * r * r
# %% pipeline-parameters
radius = 2
# %% block:load
radii = [radius, 3]
# %% block:compute prev:load
areas = [round(area(r), 2) for r in radii]
# %% block:show prev:compute
print(areas)
""",
    ),
    Hazard(
        "display and printed text in order",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
print("before")
display(df)
print("after")
# %% change
df["b"] = df["a"] * 2
print(df)
df.head()
# %% show
print("end", end="")
print("!", flush=True)
""",
    ),
    Hazard(
        "bare expressions with effects at a cell's end",
        """
# %% load
items = [3, 1]
class Noisy:
    hits = 0
    @property
    def value(self):
        self.hits += 1
        return self.hits
noisy = Noisy()
# %% change
items.append(5)
# %% more
items.pop()
# %% again
noisy.value
# %% show
print(items, noisy.hits)
""",
    ),
    Hazard(
        "conditional expression and comprehension as last expression",
        """
# %% load
log = []
def note(x):
    log.append(x)
    return x
# %% change
[note(i) for i in range(2)]
# %% more
note("a") if log else note("b")
# %% show
print(log)
""",
    ),
    Hazard(
        "annotations that are names of the notebook",
        """
# %% load
from __future__ import annotations
from typing import Optional
class Row:
    n: int = 0
# %% change
def first(rows: list[Row], default: Optional[Row] = None) -> Row | None:
    return rows[0] if rows else default
# %% show
row: Row = Row()
print(first([row]) is row, first([]))
""",
    ),
    Hazard(
        "untagged notebook with functions and mutation",
        """
# %%
import numpy as np
import pandas as pd
# %%
np.random.seed(1)
df = pd.DataFrame({"x": np.random.rand(30)})
df["y"] = 2 * df["x"] + np.random.rand(30)
# %%
df["z"] = df["x"] ** 2
df.drop(columns="z", inplace=True)
# %%
from sklearn.linear_model import LinearRegression
model = LinearRegression()
model.fit(df[["x"]], df["y"])
# %%
score = model.score(df[["x"]], df["y"])
print(round(score, 6))
""",
        ordinary=True,
    ),
    Hazard(
        "markdown, empty and comment-only cells",
        """
# %% markdown
# Title
# %% load
x = 1
# %%

# %%
# only a comment
# %% change
x += 1
# %% markdown
Some text.
# %% show
print(x)
""",
    ),
    Hazard(
        "future annotations hold for later cells",
        """
# %% load
from __future__ import annotations
from dataclasses import dataclass, fields
@dataclass
class Point:
    x: int
    y: Unknown | None = None
# %% use
def f(a: int) -> str:
    return str(a)
kinds = [f.__annotations__, [each.type for each in fields(Point)]]
# %% show
print(kinds, Point(1).x)
""",
    ),
    Hazard(
        "future annotations from the middle on",
        """
# %% load
def f(a: int) -> str:
    return str(a)
# %% use
from __future__ import annotations
def g(a: dict[str,
              int]) -> str:
    return str(a)
kinds = {k: repr(v) for k, v in g.__annotations__.items()}
# %% show
print(kinds, f.__annotations__, g.__annotations__)
""",
    ),
    Hazard(
        "the name of the function in a log on stdout",
        """
# %% load
import logging
import sys
log = logging.getLogger("mine")
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(funcName)s %(message)s"))
log.addHandler(handler)
log.setLevel("INFO")
log.info("loaded")
# %% use
x = 1
log.info("used %s", x)
# %% show
print(x)
""",
        refused="the pipeline's functions have other names",
        code="place-in-code",
    ),
    Hazard(
        "an import that hasattr sees",
        """
# %% load
import xml
before = hasattr(xml, "sax")
# %% use
import xml.sax
after = hasattr(xml, "sax")
# %% show
print(before, after)
""",
    ),
    Hazard(
        "figures in another format",
        """
# %% load
%config InlineBackend.figure_format = "svg"
import matplotlib.pyplot as plt
x = [1, 2]
# %% draw
plt.plot(x)
plt.show()
# %% show
print(x)
""",
    ),
    Hazard(
        "magics without their sign",
        """
# %%
matplotlib inline
# %%
with open("plain.txt", "w") as file:
    file.write("text")
history = {"loss": [0.5, 0.25]}
# %%
cat plain.txt
# %%
mkdir automagic_folder
# %%
history
# %%
ls -d automagic_folder
# %%
print(history["loss"])
""",
    ),
)
