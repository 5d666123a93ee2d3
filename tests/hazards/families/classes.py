"""Classes and their instances, and everything that is made like a class."""

from tests.hazards.hazard import Hazard

HAZARDS = (
    Hazard(
        "class and an instance that changes",
        """
# %% load
class Counter:
    def __init__(self, start=0):
        self.n = start
    def add(self, k):
        self.n += k
        return self
counter = Counter(1)
# %% change
counter.add(2).add(3)
# %% show
print(counter.n, type(counter).__name__)
""",
        ordinary=True,
    ),
    Hazard(
        "inheritance and super across steps",
        """
# %% base
class Base:
    def __init__(self, name):
        self.name = name
    def hello(self):
        return "base " + self.name
# %% child
class Child(Base):
    def __init__(self, name, n):
        super().__init__(name)
        self.n = n
    def hello(self):
        return super().hello() + str(self.n)
# %% make
child = Child("x", 2)
# %% show
print(child.hello(), isinstance(child, Base), Child.__mro__[1].__name__)
""",
    ),
    Hazard(
        "class that uses one defined later",
        """
# %% load
class Factory:
    def make(self):
        return Product(3)
# %% later
class Product:
    def __init__(self, n):
        self.n = n
# %% use
made = Factory().make()
# %% show
print(made.n, isinstance(made, Product))
""",
    ),
    Hazard(
        "class attribute changed through the class",
        """
# %% load
class Config:
    rate = 1
    names = ["a"]
# %% change
Config.rate = 5
Config.names.append("b")
# %% show
print(Config.rate, Config.names)
""",
    ),
    Hazard(
        "class attribute that instances share",
        """
# %% load
class Node:
    seen = []
    count = 0
    def __init__(self, name):
        self.seen.append(name)
        Node.count += 1
a = Node("a")
# %% change
b = Node("b")
# %% show
print(Node.seen, Node.count, a.seen is b.seen)
""",
    ),
    Hazard(
        "method added to a class later",
        """
# %% load
class Point:
    def __init__(self, x):
        self.x = x
p = Point(2)
# %% change
def double(self):
    return self.x * 2
Point.double = double
# %% show
print(p.double())
""",
    ),
    Hazard(
        "class defined twice",
        """
# %% load
class Model:
    kind = "old"
old = Model()
# %% change
class Model:
    kind = "new"
new = Model()
# %% show
print(old.kind, new.kind, isinstance(old, Model))
""",
    ),
    Hazard(
        "dataclass with defaults and a field list",
        """
# %% load
from dataclasses import dataclass, field, replace
@dataclass
class Run:
    name: str
    scores: list = field(default_factory=list)
    rate: float = 0.1
run = Run("a")
# %% change
run.scores.append(0.5)
other = replace(run, name="b")
other.scores.append(0.7)
# %% show
print(run, other, run.scores is other.scores)
""",
        ordinary=True,
    ),
    Hazard(
        "frozen dataclass as a dict key",
        """
# %% load
from dataclasses import dataclass
@dataclass(frozen=True, order=True)
class Key:
    a: int
    b: str = "x"
table = {Key(1): "one", Key(2): "two"}
# %% change
table[Key(1, "x")] = "uno"
# %% show
print(sorted(table.items()))
""",
    ),
    Hazard(
        "namedtuple and typing.NamedTuple",
        """
# %% load
from collections import namedtuple
from typing import NamedTuple
Point = namedtuple("Point", "x y")
class Size(NamedTuple):
    w: int
    h: int = 2
p, s = Point(1, 2), Size(3)
# %% change
p = p._replace(x=10)
area = s.w * s.h
# %% show
print(p, s, area, p.x)
""",
    ),
    Hazard(
        "namedtuple under another name",
        """
# %% load
from collections import namedtuple
Row = namedtuple("Record", ["a"])
rows = [Row(1), Row(2)]
# %% change
rows.append(Row(3))
# %% show
print(rows, rows[0].a)
""",
    ),
    Hazard(
        "IntEnum and StrEnum in containers",
        """
# %% load
from enum import IntEnum
class Level(IntEnum):
    LOW = 1
    HIGH = 5
levels = [Level.HIGH, Level.LOW]
# %% change
levels.sort()
best = max(levels)
# %% show
print(levels, best, best is Level.HIGH, Level(1).name)
""",
    ),
    Hazard(
        "abstract base class and register",
        """
# %% load
from abc import ABC, abstractmethod
class Shape(ABC):
    @abstractmethod
    def area(self): ...
class Square(Shape):
    def __init__(self, s):
        self.s = s
    def area(self):
        return self.s ** 2
shapes = [Square(2)]
# %% change
shapes.append(Square(3))
# %% show
print([s.area() for s in shapes], isinstance(shapes[0], Shape))
""",
    ),
    Hazard(
        "class, static and property methods",
        """
# %% load
class Temp:
    scale = 2
    def __init__(self, v):
        self.v = v
    @classmethod
    def of(cls, text):
        return cls(float(text) * cls.scale)
    @staticmethod
    def half(x):
        return x / 2
    @property
    def doubled(self):
        return self.v * 2
t = Temp.of("3")
# %% change
t.v = Temp.half(t.v)
# %% show
print(t.v, t.doubled)
""",
    ),
    Hazard(
        "operators, iteration and context of a class",
        """
# %% load
class Vec:
    def __init__(self, *xs):
        self.xs = list(xs)
        self.log = []
    def __add__(self, other):
        return Vec(*(a + b for a, b in zip(self.xs, other.xs)))
    def __iadd__(self, k):
        self.xs = [x + k for x in self.xs]
        return self
    def __getitem__(self, i):
        self.log.append(i)
        return self.xs[i]
    def __len__(self):
        return len(self.xs)
    def __iter__(self):
        return iter(self.xs)
    def __eq__(self, other):
        return self.xs == other.xs
    def __enter__(self):
        self.log.append("in")
        return self
    def __exit__(self, *args):
        self.log.append("out")
v = Vec(1, 2)
# %% change
v += 10
w = v + Vec(1, 1)
with v as inner:
    first = inner[0]
# %% show
print(list(v), list(w), first, v.log, len(w), v == Vec(11, 12))
""",
    ),
    Hazard(
        "object called like a function, with a state",
        """
# %% load
class Average:
    def __init__(self):
        self.values = []
    def __call__(self, x):
        self.values.append(x)
        return sum(self.values) / len(self.values)
average = Average()
# %% change
average(1)
# %% more
average(3)
# %% show
print(average(5), average.values)
""",
    ),
    Hazard(
        "__getattr__ and __setattr__",
        """
# %% load
class Bag:
    def __init__(self):
        object.__setattr__(self, "data", {})
    def __getattr__(self, name):
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(name)
    def __setattr__(self, name, value):
        self.data[name] = value
bag = Bag()
# %% change
bag.x = 1
bag.y = [bag.x]
# %% show
print(bag.x, bag.y, bag.data)
""",
    ),
    Hazard(
        "__getstate__ that leaves something out",
        """
# %% load
class Reader:
    def __init__(self, n):
        self.n = n
        self.cache = [n]
    def __getstate__(self):
        return {"n": self.n}
    def __setstate__(self, state):
        self.n = state["n"]
        self.cache = []
reader = Reader(3)
# %% change
reader.cache.append(4)
# %% show
print(reader.n, reader.cache)
""",
        refused_on={
            "run --isolate": "an object that does not store all of itself",
            "verify": "an object that does not store all of itself",
        },
    ),
    Hazard(
        "subclass of dict and list",
        """
# %% load
class Table(dict):
    def __missing__(self, key):
        self[key] = key * 2
        return self[key]
class Stack(list):
    name = "s"
    def push(self, x):
        self.append(x)
table, stack = Table(a=1), Stack([1])
stack.label = "mine"
# %% change
value = table["b"]
stack.push(2)
# %% show
print(dict(table), value, stack, stack.label)
""",
    ),
    Hazard(
        "metaclass that keeps a registry",
        """
# %% load
class Meta(type):
    registry = []
    def __new__(mcls, name, bases, ns):
        cls = super().__new__(mcls, name, bases, ns)
        mcls.registry.append(name)
        return cls
class One(metaclass=Meta):
    pass
# %% change
class Two(metaclass=Meta):
    pass
# %% show
print(Meta.registry)
""",
    ),
    Hazard(
        "__init_subclass__ that keeps a registry",
        """
# %% load
plugins = []
class Plugin:
    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        plugins.append(cls.__name__)
# %% change
class A(Plugin):
    pass
class B(Plugin):
    pass
# %% show
print(plugins)
""",
    ),
    Hazard(
        "transformer class of the notebook's own in a pipeline",
        """
# %% load
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
class Squares(BaseEstimator, TransformerMixin):
    def __init__(self, degree=2):
        self.degree = degree
    def fit(self, X, y=None):
        self.width_ = X.shape[1]
        return self
    def transform(self, X):
        return np.hstack([X, X ** self.degree])
X = np.arange(10.0).reshape(-1, 1)
y = X.ravel() ** 2
# %% train
model = Pipeline([("sq", Squares()), ("lr", LinearRegression())]).fit(X, y)
# %% show metrics
score = round(model.score(X, y), 6)
print(score, model.named_steps["sq"].width_)
""",
        ordinary=True,
    ),
    Hazard(
        "class pickled by the notebook itself",
        """
# %% load
import pickle
class Model:
    def __init__(self, w):
        self.w = w
with open("m.pkl", "wb") as file:
    pickle.dump({"w": Model(3).w}, file)
# %% read
with open("m.pkl", "rb") as file:
    back = pickle.load(file)
# %% show
print(back)
""",
    ),
    Hazard(
        "instances of a notebook class pickled to a file",
        """
# %% load
import pickle
class Model:
    def __init__(self, w):
        self.w = w
text = pickle.dumps(Model(3))
# %% read
back = pickle.loads(text)
# %% show
print(back.w, type(back).__name__)
""",
        refused_on={
            "convert, run DIR": "pickled bytes name the module, which is another one",
            "verify": "pickled bytes name the module, which is another one",
        },
    ),
    Hazard(
        "class that reads a constant of the notebook",
        """
# %% load
scale = 3
class Scaler:
    def apply(self, x):
        return x * scale
scaler = Scaler()
# %% use
a = scaler.apply(2)
# %% show
print(a, scaler.apply(5), isinstance(scaler, Scaler))
""",
    ),
    Hazard(
        "class whose default is an earlier value",
        """
# %% load
width = 4
# %% define
class Layer:
    size = width
    def __init__(self, n=width):
        self.n = n
layer = Layer()
# %% change
width = 100
# %% show
print(Layer.size, layer.n, Layer().n)
""",
    ),
    Hazard(
        "type() makes a class",
        """
# %% load
Made = type("Made", (), {"x": 5, "twice": lambda self: self.x * 2})
made = Made()
# %% change
made.x = 7
# %% show
print(made.twice(), type(made).__name__)
""",
    ),
    Hazard(
        "nested class and a class inside a function",
        """
# %% load
class Outer:
    class Inner:
        def __init__(self, v):
            self.v = v
    def make(self, v):
        return Outer.Inner(v)
def local():
    class Local:
        n = 9
    return Local()
inner, thing = Outer().make(3), local()
# %% change
inner.v += 1
# %% show
print(inner.v, thing.n, type(inner).__qualname__)
""",
    ),
    Hazard(
        "singleton by __new__",
        """
# %% load
class Only:
    _one = None
    def __new__(cls):
        if cls._one is None:
            cls._one = super().__new__(cls)
            cls._one.values = []
        return cls._one
Only().values.append(1)
# %% change
Only().values.append(2)
# %% show
print(Only().values)
""",
    ),
    Hazard(
        "functools.singledispatch and total_ordering",
        """
# %% load
from functools import singledispatch, total_ordering
@singledispatch
def describe(x):
    return "any"
@describe.register
def _(x: int):
    return "int"
@total_ordering
class V:
    def __init__(self, n):
        self.n = n
    def __eq__(self, other):
        return self.n == other.n
    def __lt__(self, other):
        return self.n < other.n
# %% use
words = [describe(1), describe("a")]
# %% show
print(words, V(1) < V(2), V(2) >= V(1))
""",
    ),
    Hazard(
        "exception chain and custom exception",
        """
# %% load
class DataError(ValueError):
    pass
def parse(text):
    try:
        return int(text)
    except ValueError as error:
        raise DataError(f"bad {text}") from error
# %% use
try:
    parse("x")
except DataError as caught:
    kept = caught
    cause = type(caught.__cause__).__name__
# %% show
print(kept, cause, isinstance(kept, ValueError))
""",
    ),
    Hazard(
        "Protocol, Generic and TypeVar",
        """
# %% load
from typing import Generic, Protocol, TypeVar
T = TypeVar("T")
class HasLen(Protocol):
    def __len__(self) -> int: ...
class Box(Generic[T]):
    def __init__(self, item: T):
        self.item = item
box = Box([1])
# %% change
def size(x: HasLen) -> int:
    return len(x)
box.item.append(2)
# %% show
print(size(box.item), Box[int](3).item)
""",
    ),
    Hazard(
        "a decorator counts the calls of methods that a pipeline makes",
        """
# %% load
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.linear_model import LinearRegression
calls = {}
def counted(f):
    def w(*a, **k):
        calls[f.__name__] = calls.get(f.__name__, 0) + 1
        return f(*a, **k)
    return w
class Clip(BaseEstimator, TransformerMixin):
    @counted
    def fit(self, X, y=None):
        self.top_ = X.max()
        return self
    @counted
    def transform(self, X):
        return np.clip(X, 0, self.top_)
X = np.arange(20.0).reshape(10, 2)
# %% change
pipe = make_pipeline(Clip(), LinearRegression())
pipe.fit(X, X[:, 0])
# %% again
print(round(pipe.score(X, X[:, 0]), 6))
# %% show
print(calls)
""",
    ),
    Hazard(
        "methods that a pipeline calls change a dict",
        """
# %% load
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.linear_model import LinearRegression
seen = {}
class Same(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        seen["fit"] = len(X)
        self.fitted_ = True
        return self
    def transform(self, X):
        return X
# %% change
make_pipeline(Same(), LinearRegression()).fit([[1.0], [2.0]], [1.0, 2.0])
# %% show
print(seen)
""",
    ),
    Hazard(
        "class body reads a file that an earlier step writes",
        """
# %% load
import pathlib
pathlib.Path("hazard_limit.txt").write_text("7")
# %% use
class Limits:
    top = int(pathlib.Path("hazard_limit.txt").read_text())
    def get(self):
        return self.top
# %% show
print(Limits().get())
""",
        files={"hazard_limit.txt": "3"},
    ),
    Hazard(
        "class body draws, prints and reads options",
        """
# %% load
import random
import pandas as pd
random.seed(5)
pd.set_option("display.precision", 2)
first = random.random()
# %% use
class Look:
    print("made")
    precision = pd.get_option("display.precision")
    mark = random.random()
second = random.random()
# %% show
print(first, second, Look.precision, Look.mark)
""",
    ),
    Hazard(
        "comprehension in a class body reads past the class",
        """
# %% load
n = 2
class K:
    n = 5
    vals = [n for _ in range(2)]
# %% change
n = 3
# %% show
print(K.vals, K.n, n)
""",
    ),
    Hazard(
        "class within a class reads past the class around it",
        """
# %% load
n = 2
class K:
    n = 7
    class L:
        v = n
        w = [n for _ in range(2)]
# %% change
n = 3
# %% show
print(K.n, K.L.v, K.L.w, n)
""",
    ),
    Hazard(
        "dataclass printed whose default is a variable",
        """
# %% load
from dataclasses import dataclass, field
rate = 0.5
tags = ["a"]
@dataclass
class Config:
    # How fast it learns.
    rate: float = rate
    tags: list = field(default_factory=lambda: list(tags))
config = Config()
# %% use
text = repr(config)
other = Config(rate=0.1)
# %% show
print(text, other, Config.__qualname__)
""",
    ),
)
