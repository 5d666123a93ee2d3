"""Functions, closures, lambdas, decorators, globals, defaults, caches."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "function that changes its argument",
        """
# %% load
def grow(target, n):
    for i in range(n):
        target.append(i)
data = []
# %% change
grow(data, 3)
# %% show
print(data)
""",
    ),
    Hazard(
        "function that changes a frame it is given",
        """
# %% load
import pandas as pd
def add_ratio(frame):
    frame["ratio"] = frame["a"] / frame["b"]
df = pd.DataFrame({"a": [1.0, 2.0], "b": [4.0, 5.0]})
# %% change
add_ratio(df)
# %% show
print(df)
""",
        ordinary=True,
    ),
    Hazard(
        "function that changes an argument through a helper",
        """
# %% load
def inner(box):
    box["n"] = box.get("n", 0) + 1
def outer(box):
    inner(box)
    inner(box)
state = {}
# %% change
outer(state)
# %% show
print(state)
""",
    ),
    Hazard(
        "function that rebinds a global",
        """
# %% load
counter = 0
def bump():
    global counter
    counter += 1
    return counter
# %% change
bump()
bump()
# %% show
print(counter, bump())
""",
        ordinary=True,
    ),
    Hazard(
        "global bound first by a function",
        """
# %% load
def setup():
    global settings
    settings = {"rate": 0.1}
# %% change
setup()
# %% show
settings["rate"] *= 2
print(settings)
""",
    ),
    Hazard(
        "function that reads a global rebound later",
        """
# %% load
rate = 1
def scaled(x):
    return x * rate
# %% first
one = scaled(10)
# %% change
rate = 2
# %% show
print(one, scaled(10))
""",
        ordinary=True,
    ),
    Hazard(
        "function defined before the global it reads",
        """
# %% load
def report():
    return f"{title}: {len(rows)}"
# %% make
title = "T"
rows = [1, 2]
# %% show
print(report())
""",
    ),
    Hazard(
        "function that appends to a global list",
        """
# %% load
history = []
def note(text):
    history.append(text)
# %% change
note("a")
# %% more
note("b")
# %% show
print(history)
""",
    ),
    Hazard(
        "functions that call each other and read a global",
        """
# %% load
depth = 3
def even(n):
    return True if n == 0 else odd(n - 1)
def odd(n):
    return False if n == 0 else even(n - 1)
# %% change
depth = depth + 1
# %% show
print(even(depth), odd(depth))
""",
    ),
    Hazard(
        "redefined function",
        """
# %% load
def f(x):
    return x + 1
a = f(1)
# %% change
def f(x):
    return x * 100
b = f(1)
# %% show
print(a, b, f(2))
""",
    ),
    Hazard(
        "function that wraps its old self",
        """
# %% load
def f(x):
    return x + 1
# %% change
old = f
def f(x):
    return old(x) * 10
# %% show
print(f(1), old(1))
""",
    ),
    Hazard(
        "mutable default argument",
        """
# %% load
def collect(value, memory=[]):
    memory.append(value)
    return list(memory)
# %% first
a = collect(1)
# %% second
b = collect(2)
# %% show
print(a, b, collect(3))
""",
        ordinary=True,
    ),
    Hazard(
        "default argument taken when defined",
        """
# %% load
limit = 3
def clip(x, top=limit):
    return min(x, top)
# %% change
limit = 100
# %% show
print(clip(50), limit)
""",
    ),
    Hazard(
        "default argument made by a call",
        """
# %% load
import time
base = [1]
def stamp(parts=tuple(base)):
    return parts
# %% change
base.append(2)
# %% show
print(stamp(), base)
""",
    ),
    Hazard(
        "functools.lru_cache keeps results",
        """
# %% load
from functools import lru_cache
calls = []
@lru_cache(maxsize=None)
def square(n):
    calls.append(n)
    return n * n
# %% first
a = square(3)
# %% second
b = square(3)
# %% show
print(a, b, calls, square.cache_info())
""",
        refused_on={
            "run --isolate": "a cache lives in one process",
            "verify": "a cache lives in one process",
        },
    ),
    Hazard(
        "functools.cache of a pure function",
        """
# %% load
from functools import cache
@cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
# %% first
a = fib(20)
# %% show
print(a, fib(21))
""",
    ),
    Hazard(
        "cached_property",
        """
# %% load
from functools import cached_property
class Data:
    def __init__(self, rows):
        self.rows = rows
    @cached_property
    def total(self):
        return sum(self.rows)
data = Data([1, 2])
# %% first
before = data.total
data.rows.append(10)
# %% show
print(before, data.total)
""",
    ),
    Hazard(
        "closure over a mutable cell",
        """
# %% load
def make_counter():
    n = 0
    def count():
        nonlocal n
        n += 1
        return n
    return count
count = make_counter()
# %% first
count()
count()
# %% show
print(count())
""",
    ),
    Hazard(
        "two closures over one cell",
        """
# %% load
def account():
    balance = [0]
    def put(x):
        balance[0] += x
    def get():
        return balance[0]
    return put, get
put, get = account()
# %% change
put(5)
# %% more
put(7)
# %% show
print(get())
""",
    ),
    Hazard(
        "closures in a loop see the last value",
        """
# %% load
adders = [lambda x: x + i for i in range(3)]
fixed = [lambda x, i=i: x + i for i in range(3)]
# %% change
results = [f(10) for f in adders]
# %% show
print(results, [f(10) for f in fixed])
""",
    ),
    Hazard(
        "lambda that reads a global rebound later",
        """
# %% load
offset = 1
shift = lambda x: x + offset
# %% change
offset = 50
# %% show
print(shift(1))
""",
    ),
    Hazard(
        "lambdas in a dict and a list",
        """
# %% load
scale = 2
table = {"double": lambda x: x * scale, "len": len}
steps = [str.strip, str.upper, lambda s: s + "!"]
# %% change
scale = 3
text = " a "
for step in steps:
    text = step(text)
# %% show
print(table["double"](5), table["len"](text), text)
""",
        refused="a stored function reads a name that is bound anew in between",
        code="steps-inseparable",
    ),
    Hazard(
        "sorted by a lambda that reads a table",
        """
# %% load
order = {"low": 0, "mid": 1, "high": 2}
items = ["high", "low", "mid"]
# %% sort
items = sorted(items, key=lambda name: order[name])
# %% show
print(items)
""",
    ),
    Hazard(
        "decorator of the notebook's own that counts",
        """
# %% load
import functools
calls = {}
def counted(f):
    @functools.wraps(f)
    def wrapper(*args):
        calls[f.__name__] = calls.get(f.__name__, 0) + 1
        return f(*args)
    return wrapper
@counted
def double(x):
    return 2 * x
# %% change
a = double(1)
# %% show
b = double(a)
print(a, b, calls)
""",
        ordinary=True,
    ),
    Hazard(
        "decorator with arguments and a registry",
        """
# %% load
REGISTRY = {}
def register(name):
    def wrap(f):
        REGISTRY[name] = f
        return f
    return wrap
# %% define
@register("one")
def one():
    return 1
@register("two")
def two():
    return one() + 1
# %% show
print(sorted(REGISTRY), REGISTRY["two"]())
""",
    ),
    Hazard(
        "function attributes as state",
        """
# %% load
def tick():
    tick.count += 1
    return tick.count
tick.count = 0
# %% change
tick()
tick()
# %% show
print(tick.count)
""",
    ),
    Hazard(
        "nested functions and recursion",
        """
# %% load
def walk(tree):
    found = []
    def visit(node):
        if isinstance(node, list):
            for each in node:
                visit(each)
        else:
            found.append(node)
    visit(tree)
    return found
# %% change
leaves = walk([1, [2, [3, 4]], 5])
# %% show
print(leaves)
""",
    ),
    Hazard(
        "recursive function with memo dict",
        """
# %% load
memo = {}
def fib(n):
    if n not in memo:
        memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]
# %% change
a = fib(15)
# %% show
print(a, len(memo), fib(16), len(memo))
""",
    ),
    Hazard(
        "conditional definition",
        """
# %% load
fast = False
if fast:
    def kernel(x):
        return x
else:
    def kernel(x):
        return x ** 2
# %% change
y = kernel(3)
# %% show
print(y, kernel(4))
""",
    ),
    Hazard(
        "try-except import with a fallback",
        """
# %% load
try:
    import surely_not_installed as fastmath
    HAVE = True
except ImportError:
    fastmath = None
    HAVE = False
try:
    import simplejson_not_there as json
except ImportError:
    import json
# %% change
text = json.dumps({"a": HAVE})
# %% show
print(text, fastmath is None)
""",
    ),
    Hazard(
        "args, kwargs and keyword-only arguments that change",
        """
# %% load
def extend(target, *more, into=None, **named):
    target.extend(more)
    if into is not None:
        into.update(named)
rows, table = [], {}
# %% change
extend(rows, 1, 2, into=table, x=3)
args = (rows, 9)
extend(*args, **{"into": table, "y": 4})
# %% show
print(rows, table)
""",
    ),
    Hazard(
        "function returns its argument",
        """
# %% load
def checked(frame):
    assert frame is not None
    return frame
data = [1]
same = checked(data)
# %% change
same.append(2)
# %% show
print(data, data is same)
""",
    ),
    Hazard(
        "function that stores its argument in a global",
        """
# %% load
store = {}
def keep(name, value):
    store[name] = value
rows = [1]
keep("rows", rows)
# %% change
rows.append(2)
# %% show
print(store, store["rows"] is rows)
""",
    ),
    Hazard(
        "map and filter, consumed in the same step",
        """
# %% load
numbers = [1, 2, 3, 4]
# %% change
doubled = list(map(lambda v: v * 2, filter(lambda v: v % 2, numbers)))
# %% show
print(doubled)
""",
    ),
    Hazard(
        "methods that read notebook variables",
        """
# %% load
factor = 2
class Scaler:
    def scale(self, x):
        return x * factor
scaler = Scaler()
# %% change
one = scaler.scale(10)
factor = 3
# %% show
print(one, scaler.scale(10))
""",
        refused="a stored object's method reads a name that is bound anew in between",
        code="steps-inseparable",
    ),
    Hazard(
        "apply with a function that reads and fills globals",
        """
# %% load
import pandas as pd
mapping = {"a": 1}
unknown = []
def encode(value):
    if value not in mapping:
        unknown.append(value)
        mapping[value] = len(mapping) + 1
    return mapping[value]
df = pd.DataFrame({"k": list("abca")})
# %% change
df["code"] = df["k"].apply(encode)
# %% show
print(df["code"].tolist(), mapping, unknown)
""",
    ),
    Hazard(
        "inspect and docstrings of a notebook's function",
        """
# %% load
def area(w: float, h: float = 2.0) -> float:
    '''Area of a rectangle.'''
    return w * h
# %% look
import inspect
text = f"{area.__name__} {inspect.signature(area)} {area.__doc__}"
# %% show
print(text)
""",
    ),
    Hazard(
        "functions passed to other steps as values",
        """
# %% load
def add(a, b):
    return a + b
operations = [add, max]
chosen = operations[0]
# %% change
from functools import reduce
total = reduce(chosen, [1, 2, 3])
# %% show
print(total, operations[1](4, 5), chosen is add)
""",
    ),
    Hazard(
        "assertion and raise inside functions",
        """
# %% load
class TooBig(Exception):
    def __init__(self, n):
        super().__init__(f"{n} is too big")
        self.n = n
def check(n):
    if n > 3:
        raise TooBig(n)
    return n
# %% change
try:
    check(5)
except TooBig as error:
    message, caught = str(error), error
# %% show
print(message, caught.n, isinstance(caught, TooBig))
""",
    ),
    Hazard(
        "function that reads a variable as a key, over steps",
        """
# %% load
x = sum([1, 2])
def f():
    return x
def g():
    return x + 1
names = {f: "f", g: "g"}
# %% use
found = names.get(f, "lost")
best = f
# %% show
print(found, best is f, names.get(best, "lost"), [names.get(h, "lost") for h in (f, g)], g())
""",
    ),
    Hazard(
        "functions that read a variable, kept in a list and found again",
        """
# %% load
scale = float("2")
def double(v):
    return v * scale
def triple(v):
    return v * scale * 1.5
todo = []
todo.append(double)
todo.append(triple)
# %% use
out = [f(1) for f in todo if f is not triple]
# %% show
todo.remove(triple)
print(out, double in todo, len(todo), double(4))
""",
    ),
    Hazard(
        "global under an if, in a loop and in a with statement",
        """
# %% load
flag = True
if flag:
    global count
    count = 5
else:
    count = 6
for i in range(2):
    global total; total = i
def add():
    global count
    if flag:
        global found
        found = count
    count += 1
# %% change
add()
with open("text.txt", "w") as file:
    global written
    written = file.write("a")
# %% show
print(count, total, found, written)
""",
    ),
    Hazard(
        "singledispatch that was called before the next step",
        """
# %% load
from functools import singledispatch
from collections.abc import Sequence
known = []
@singledispatch
def describe(value):
    known.append(type(value).__name__)
    return "something"
@describe.register(Sequence)
def _(value):
    return f"{len(value)} items"
first = describe(1), describe([1])
# %% change
second = describe(2.0), describe("ab")
# %% show
print(first, second, describe((1,)), known)
""",
    ),
    Hazard(
        "names in the text of pd.eval",
        """
# %% load
import pandas as pd
left = pd.Series([1, 2])
right = pd.DataFrame({"a": [3, 4]})
# %% change
total = pd.eval("left + right.a")
# %% show
left = left + 1
print(total.tolist(), pd.eval("left * 2 - left").tolist())
""",
    ),
    Hazard(
        "code that asks whether it runs in a notebook",
        """
# %% load
try:
    kind = "notebook" if get_ipython().__class__.__name__ == "ZMQInteractiveShell" else "other"
except NameError:
    kind = "none"
def in_notebook():
    return "IPKernelApp" in get_ipython().config
shell = get_ipython()
try:
    asked = __IPYTHON__
except NameError:
    asked = False
# %% show
print(kind, in_notebook(), shell is get_ipython(), asked)
""",
    ),
)
