"""Values that change after they are made, and names that are bound anew."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "chain of rebinding",
        """
# %% load
x = 3
x = x + 1
# %% change
x = x * 10
y = x - 1
# %% show metrics
result = x + y
print(x, y, result)
""",
        ordinary=True,
    ),
    Hazard(
        "rebound in every step from the old value",
        """
# %% one
df = [1, 2, 3]
# %% two
df = [v * 2 for v in df]
# %% three
df = [v for v in df if v > 2]
# %% four metrics
df = sum(df)
print(df)
""",
    ),
    Hazard(
        "list changed by methods",
        """
# %% load
items = [3, 1, 2]
# %% change
items.append(9)
items.sort()
# %% show metrics
total = sum(items)
print(items, total)
""",
    ),
    Hazard(
        "list changed by slice, item and del",
        """
# %% load
items = list(range(10))
# %% change
items[2:5] = [0]
items[0] = 7
del items[-1]
# %% show
print(items)
""",
    ),
    Hazard(
        "dict changed by item, update, pop and setdefault",
        """
# %% load
settings = {"a": 1, "b": 2}
# %% change
settings["c"] = 3
settings.update(b=5)
settings.pop("a")
settings.setdefault("lists", []).append(1)
# %% show
print(settings, list(settings))
""",
    ),
    Hazard(
        "nested containers changed inside",
        """
# %% load
config = {"layers": [{"size": 1}, {"size": 2}]}
# %% change
for layer in config["layers"]:
    layer["size"] *= 10
config["layers"][0]["name"] = "first"
# %% show
print(config)
""",
    ),
    Hazard(
        "set and deque changed",
        """
# %% load
from collections import Counter, defaultdict, deque
seen = {1, 2}
queue = deque([1, 2, 3], maxlen=3)
counts = Counter("abca")
groups = defaultdict(list)
# %% change
seen.add(3)
seen.discard(1)
queue.append(4)
counts.update("aa")
groups["x"].append(1)
groups["y"]
# %% show
print(sorted(seen), queue, counts, dict(groups))
""",
    ),
    Hazard(
        "a read that changes a defaultdict",
        """
# %% load
from collections import defaultdict
table = defaultdict(int)
# %% look
value = table["missing"]
# %% show
print(value, dict(table))
""",
    ),
    Hazard(
        "augmented assignment of a list, a string and a tuple",
        """
# %% load
items = [1]
alias = items
text = "a"
pair = (1,)
# %% change
items += [2]
text += "b"
pair += (2,)
# %% show
print(items, alias, items is alias, text, pair)
""",
    ),
    Hazard(
        "augmented assignment of an attribute and an item",
        """
# %% load
class Box:
    value = 1
box = Box()
table = {"n": 1}
# %% change
box.value += 5
table["n"] -= 3
# %% show
print(box.value, Box.value, table)
""",
    ),
    Hazard(
        "annotated assignment and a bare annotation",
        """
# %% load
rate: float = 0.5
name: str
# %% change
name = "x"
rate = rate * 2
# %% show metrics
result: float = rate + 1
print(result, name)
""",
    ),
    Hazard(
        "del and a name bound again",
        """
# %% load
x = [1]
y = [2]
# %% change
del x
z = y
del y
# %% again
x = "new"
# %% show
print(x, z, "y" in dir())
""",
        refused="dir() looks at the notebook's names by text",
        code="dynamic-namespace",
    ),
    Hazard(
        "del of an item and an attribute",
        """
# %% load
class Box:
    pass
box = Box()
box.a = 1
box.b = 2
table = {"a": 1, "b": 2}
# %% change
del box.a
del table["b"]
# %% show
print(vars(box), table)
""",
    ),
    Hazard(
        "name deleted in one branch and tested by NameError",
        """
# %% load
flag = True
extra = 1
# %% change
if flag:
    del extra
# %% show
try:
    extra
    found = True
except NameError:
    found = False
print(found)
""",
        refused="a name that one step may unbind and another asks for",
        code="steps-inseparable",
    ),
    Hazard(
        "unpacking with a star and swapped names",
        """
# %% load
first, *middle, last = [1, 2, 3, 4]
(a, b), c = (1, [2]), 3
# %% change
a, c = c, a
b.append(first)
middle, last = last, middle
# %% show
print(first, middle, last, a, b, c)
""",
    ),
    Hazard(
        "walrus in a condition and a comprehension",
        """
# %% load
data = [1, 5, 9]
# %% change
if (n := len(data)) > 2:
    big = [last := v for v in data if v > 2]
while (n := n - 1) > 0:
    pass
# %% show
print(n, big, last)
""",
    ),
    Hazard(
        "loop variables that leak",
        """
# %% load
rows = [("a", 1), ("b", 2)]
# %% change
for i, (name, value) in enumerate(rows):
    total = value * 10
# %% show
print(i, name, value, total)
""",
    ),
    Hazard(
        "loop variable over an empty list keeps its old value",
        """
# %% load
item = "before"
items = []
# %% change
for item in items:
    pass
# %% show
print(item)
""",
    ),
    Hazard(
        "comprehension variables that do not leak",
        """
# %% load
x = "outer"
rows = [1, 2]
# %% change
squares = [x * x for x in rows]
table = {x: y for x, y in zip(rows, squares)}
# %% show
print(x, squares, table)
""",
    ),
    Hazard(
        "comprehension that reads names of other steps",
        """
# %% load
factor = 3
limit = 4
# %% make
rows = [v * factor for v in range(limit) if v != factor]
# %% again
factor = 5
rows2 = [[v * factor for v in rows] for _ in range(2)]
# %% show
print(rows, rows2)
""",
    ),
    Hazard(
        "with ... as leaks its target",
        """
# %% load
from contextlib import nullcontext
# %% change
with nullcontext([1]) as box:
    box.append(2)
# %% show
print(box)
""",
    ),
    Hazard(
        "except ... as unbinds its target",
        """
# %% load
error = "kept"
# %% change
try:
    1 / 0
except ZeroDivisionError as error:
    text = str(error)
# %% show
try:
    print(error)
except NameError:
    print("gone")
print(text)
""",
        refused="a name that one step may unbind and another asks for",
        code="steps-inseparable",
    ),
    Hazard(
        "bytearray and memoryview over it",
        """
# %% load
buffer = bytearray(b"abcd")
# %% change
buffer[0] = 120
buffer.extend(b"!")
# %% show
print(buffer)
""",
    ),
    Hazard(
        "object with properties and slots changed",
        """
# %% load
class Point:
    __slots__ = ("x", "_y")
    def __init__(self, x, y):
        self.x = x
        self._y = y
    @property
    def y(self):
        return self._y
    @y.setter
    def y(self, value):
        self._y = value * 2
p = Point(1, 2)
# %% change
p.x += 1
p.y = 5
# %% show
print(p.x, p.y)
""",
    ),
    Hazard(
        "setattr, setitem and operator functions",
        """
# %% load
import operator
class Box: pass
box = Box()
items = [1, 2, 3]
# %% change
setattr(box, "n", 4)
operator.setitem(items, 0, 9)
operator.iadd(items, [7])
list.append(items, 8)
# %% show
print(box.n, items)
""",
    ),
    Hazard(
        "heapq, bisect and random.shuffle change their argument",
        """
# %% load
import bisect
import heapq
import random
heap = [5, 3, 8, 1]
ordered = [1, 3, 5]
cards = list(range(8))
# %% change
heapq.heapify(heap)
smallest = heapq.heappop(heap)
bisect.insort(ordered, 4)
random.seed(3)
random.shuffle(cards)
# %% show
print(heap, smallest, ordered, cards)
""",
    ),
    Hazard(
        "a bound method kept and called later",
        """
# %% load
items = [1]
push = items.append
# %% change
push(2)
push(3)
# %% show
print(items)
""",
    ),
    Hazard(
        "functools.partial over a mutable argument",
        """
# %% load
from functools import partial
log = []
def note(target, text):
    target.append(text)
remember = partial(note, log)
# %% change
remember("a")
remember("b")
# %% show
print(log)
""",
    ),
    Hazard(
        "match statement that binds names",
        """
# %% load
command = {"action": "move", "by": [1, 2]}
# %% change
match command:
    case {"action": "move", "by": [dx, dy], **rest}:
        moved = True
    case _:
        moved = False
match [1, 2, 3]:
    case [head, *tail]:
        pass
# %% show
print(dx, dy, rest, moved, head, tail)
""",
    ),
    Hazard(
        "names bound in one branch only",
        """
# %% load
big = 3 > 2
# %% change
if big:
    mode = "big"
else:
    other = 1
# %% show
print(mode)
""",
    ),
    Hazard(
        "a value kept unless a condition holds",
        """
# %% load
best = [0]
scores = [3, 1]
# %% change
if scores[0] > 10:
    best = scores
# %% more
best.append(scores[1])
# %% show
print(best, scores)
""",
    ),
)
