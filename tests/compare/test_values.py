from __future__ import annotations

import array
import ast
import copy
import ctypes
import datetime
import decimal
import functools
import io
import pickle
import random
import re
import struct
import threading
import types
import zoneinfo
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from nbprod.compare import attributes
from nbprod.compare.values import compare, compare_predictions
from nbprod.run.kernel import artifacts
from nbprod.run.kernel import attributes as kernel_attributes

mpl.use("Agg")
NAN = float("nan")


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Point:
    x: float
    tags: list[str]


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: Any) -> None:
        self.a = a


class Words(list):  # type: ignore[type-arg]
    language = ""


Pair = namedtuple("Pair", "a b")


def frame(**more: Any) -> pd.DataFrame:
    columns = {"price": [3.2, NAN, 1.0], "town": ["a", None, "c"], "n": [1, 2, 3]}
    return pd.DataFrame({**columns, **more})


VALUES: list[Any] = [
    None,
    1,
    1.5,
    NAN,
    True,
    "text",
    b"bytes",
    1 + 2j,
    decimal.Decimal("1.1"),
    datetime.date(2024, 1, 1),
    datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    datetime.timedelta(1),
    [1, [2, NAN]],
    (1, "a"),
    {"a": 1, "b": [1.0]},
    {1, 2},
    frozenset({NAN}),
    deque([1]),
    OrderedDict(a=1),
    defaultdict(int, a=1),
    Pair(1, 2),
    Path("a/b"),
    range(3),
    slice(1, 2),
    Colour.RED,
    Point(1.0, ["x"]),
    Slotted(1),
    Words([1]),
    np.float64(1.5),
    np.int32(1),
    np.array([1.0, NAN]),
    np.array([["a", None]], dtype=object),
    np.array(["2024-01-01", "NaT"], dtype="M8[D]"),
    np.ma.masked_array([1, 2], [True, False]),
    np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
    np.random.default_rng(1),
    np.random.RandomState(1),
    random.Random(1),
    frame(),
    frame()["price"],
    frame()["town"],
    pd.Series(["a", "b"], dtype="category"),
    pd.Series([1, None], dtype="Int64"),
    pd.Series(["a", "b"], dtype=object),
    pd.Series(pd.date_range("2024", periods=2, tz="UTC")),
    pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
    pd.date_range("2024", periods=3),
    pd.Timestamp("2024"),
    pd.NaT,
    pd.NA,
    pd.Interval(0, 1),
    scipy.sparse.csr_matrix([[0, 1.0], [2.0, 0]]),
    ValueError("x", 1),
    len,
    np.mean,
    Point,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_copy_is_equal(value: Any) -> None:
    try:
        other = pickle.loads(pickle.dumps(value))
    except TypeError:
        other = copy.copy(value)
    found = compare(value, other)
    assert found.equal, found.detail


def test_values_of_different_kinds_are_never_equal() -> None:
    for number, value in enumerate(VALUES):
        for other in VALUES[number + 1 :]:
            found = compare(value, other)
            assert not found.equal, (value, other)
            assert found.detail


DIFFERENCES: list[tuple[Any, Any, str]] = [
    (1, 1.0, "type int vs float"),
    (1.0, 1.0 + 1e-8, "1.0 vs 1.00000001"),
    ([1, 2], [1, 3], "item 1: 2 vs 3"),
    ([1], [1, 2], "1 items vs 2 items"),
    ({"a": [0]}, {"a": [1]}, "key 'a', item 0: 0 vs 1"),
    ({"a": 1}, {"b": 1}, "key 'b' is missing"),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "the keys are in another order"),
    ({1, 2}, {1, 3}, "element 2 is new"),
    ("a\nb", "a\nc", "line 2: 'b' vs 'c'"),
    (frame(), frame(price=[3.3, NAN, 1.0]), "column 'price', row 0: 3.2 vs 3.3"),
    (frame(), frame(price=[3.2, 0.0, 1.0]), "column 'price', row 1: nan vs 0.0"),
    (frame(), frame(n=[1.0, 2.0, 3.0]), "column 'n': dtype int64 vs float64"),
    (frame(), frame().drop(columns="n"), "column 'n' is new"),
    (frame()[["n", "town", "price"]], frame(), "the columns are in another order"),
    (frame(), frame().iloc[:2], "index: 3 rows vs 2 rows"),
    (frame(), frame().set_index(pd.Index([0, 1, 5])), "index: "),
    (frame()["n"], frame()["n"].rename("m"), "name: 'n' vs 'm'"),
    (np.array([1.0, 2.0]), np.array([1.0, 2.5]), "index 1: 2.0 vs 2.5"),
    (np.zeros((2, 2)), np.zeros((2, 3)), "shape (2, 2) vs (2, 3)"),
    (np.zeros(2), np.zeros(2, "f4"), "dtype float64 vs float32"),
    (np.random.default_rng(1), np.random.default_rng(2), "its state is another"),
    (random.Random(1), random.Random(2), "generator state"),
    (Point(1.0, ["x"]), Point(1.0, ["y"]), "attribute tags, item 0: 'x' vs 'y'"),
    (Slotted(1), Slotted(2), "attribute a: 1 vs 2"),
    (pd.Categorical(["a"]), pd.Categorical(["a"], categories=["a", "b"]), "dtype"),
    (scipy.sparse.eye(3).tocsr(), 2 * scipy.sparse.eye(3).tocsr(), "values, index 0"),
    (lambda x: x + 1, lambda x: x + 2, "its code is another"),
    (len, max, "'len' vs 'max'"),
    (Path("a"), Path("b"), "Path('a') vs "),
    (pd.Timestamp("2024"), pd.Timestamp("2025"), " vs "),
]


@pytest.mark.parametrize(("one", "other", "detail"), DIFFERENCES)
def test_the_first_difference_is_told(one: Any, other: Any, detail: str) -> None:
    found = compare(one, other)
    assert not found.equal
    assert found.comparable
    assert detail in found.detail


def test_tolerances() -> None:
    assert compare(1.0, 1.0 + 1e-10).equal
    assert not compare(1e-13, 2e-13).equal
    assert compare(np.array([1e6, 1e-8]), np.array([1e6, 1.5e-8])).equal
    assert not compare(np.array([1.0, 1e-8]), np.array([1.0, 1.5e-8])).equal
    assert compare(1.0, 1.01, relative=0.1).equal


def test_what_cannot_be_compared_is_not_equal() -> None:
    for make in (threading.RLock, lambda: (i for i in range(3)), threading.local):
        found = compare({"a": make()}, {"a": make()})
        assert not found.equal
        assert not found.comparable
        assert "cannot be compared" in found.detail


def test_cycles_end() -> None:
    def cycle(last: int) -> list[Any]:
        made: list[Any] = [1, {"in": None}]
        made[1]["in"] = made
        made.append(last)
        return made

    assert compare(cycle(2), cycle(2)).equal
    assert "item 2: 2 vs 3" in compare(cycle(2), cycle(3)).detail


def _data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)), columns=list("abc"))
    return X, (X["a"] + X["b"] > 0).astype(int)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingRegressor(max_iter=5, random_state=0),
        SVC(),
        KNeighborsClassifier(),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3),
    ],
    ids=lambda found: type(found).__name__,
)
def test_estimators(estimator: BaseEstimator) -> None:
    X, y = _data()
    one = copy.deepcopy(estimator).fit(X, y)
    again = copy.deepcopy(estimator).fit(X, y)
    found = compare(one, again)
    assert found.equal, found.detail
    assert compare_predictions(one, again, X).equal
    other = copy.deepcopy(estimator).fit(X.iloc[:60], y.iloc[:60])
    assert not compare(one, other).equal
    shifted = copy.deepcopy(estimator).fit(X, 1 - y)
    assert not compare_predictions(one, shifted, X).equal


class Hidden(BaseEstimator):
    """Keeps what it learned where no attribute shows it."""

    _learned: ClassVar[dict[int, float]] = {}

    def fit(self, X: Any, y: Any) -> Hidden:
        self.n_features_in_ = X.shape[1]
        self._learned[id(self)] = float(np.mean(y))
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self._learned[id(self)])


def test_estimators_are_compared_by_what_they_predict() -> None:
    X = np.zeros((4, 2))
    one, same, other = (Hidden().fit(X, y) for y in ([1, 2], [2, 1], [5, 6]))
    assert compare(one, same).equal
    found = compare(one, other)
    assert not found.equal
    assert "predictions" in found.detail


def test_estimator_parameters_are_named() -> None:
    found = compare(LogisticRegression(C=1.0), LogisticRegression(C=2.0))
    assert found.detail == "parameter C: 1.0 vs 2.0"


def test_figures_by_their_pixels() -> None:
    import matplotlib.pyplot as plt

    def draw(last: float) -> Any:
        figure, axes = plt.subplots(figsize=(2, 2))
        axes.plot([1, 2, last])
        return figure, axes

    try:
        assert compare(draw(3), draw(3)).equal
        found = compare(draw(3)[0], draw(5)[0])
        assert "pixels differ" in found.detail
        assert not compare(draw(3)[1], draw(5)[1]).equal
    finally:
        plt.close("all")


def test_a_class_that_moved_from_the_notebook() -> None:
    def make(module: str) -> Any:
        kind = type("Moved", (), {"__module__": module, "__qualname__": "Moved"})
        found = kind()
        found.value = 1
        return found

    assert compare(make("__main__"), make("churn.definitions")).equal
    assert not compare(make("one"), make("two")).equal
    # Loaded twice, in place of the package's.
    assert compare(make("churn.steps"), make("churn.steps")).equal
    stranger = type("Point", (), {"__module__": __name__})
    stranger.__qualname__ = "Point"
    assert not compare(stranger(), Point(1.0, [])).equal


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(_PLAIN, _PLAIN)
def test_compare_agrees_with_equality(one: Any, other: Any) -> None:
    assert compare(one, copy.deepcopy(one)).equal
    if compare(one, other).equal:
        assert compare(other, one).equal
        # Only floats may differ and yet be equal: within the tolerance.
        shapes = [re.sub(r"-?(\d+\.\d+|\d+e|inf|nan)[-+\de]*", "#", repr(x)) for x in (one, other)]
        assert one == other or shapes[0] == shapes[1]


def test_a_text_vectorizer_equals_its_copy_from_another_process():
    """It keeps the address of its stop words, which says nothing about it."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["good and cheap", "bad and dear", "good but dear"]
    one, other = TfidfVectorizer().fit(texts), TfidfVectorizer().fit(texts)
    other._stop_words_id = one._stop_words_id + 64
    assert compare(one, other).equal
    other.vocabulary_["good"] = 99
    assert not compare(one, other).equal


def test_a_function_that_a_step_encloses_equals_the_notebooks() -> None:
    """What is global in the notebook is enclosed by the step's function."""
    source = (
        "def scaled(x, times=2):\n"
        "    rows = [each * scale for each in range(x)]\n"
        "    return scaled(x - 1) if rows else sum(rows) + scale\n"
    )
    notebook: dict[str, Any] = {"scale": 3, "__name__": "__main__"}
    exec(source, notebook)
    package: dict[str, Any] = {"__name__": "package.steps"}
    body = "".join(f"    {line}\n" for line in source.splitlines())
    exec(f"def step(scale):\n{body}    return scaled\n", package)
    assert compare(notebook["scaled"], package["step"](3)).equal
    assert compare(package["step"](3), notebook["scaled"]).equal
    assert compare(package["step"](4), notebook["scaled"]).detail == "closure: 4 vs 3"
    exec(source.replace("+ scale", "- scale"), notebook)
    assert compare(notebook["scaled"], package["step"](3)).detail == "its code is another"


def test_what_pickling_leaves_behind_is_no_difference() -> None:
    """scikit-learn's Bunch forgets its attributes, not its items."""
    fresh = load_iris()
    loaded = pickle.loads(pickle.dumps(fresh))
    assert compare(fresh, loaded).equal
    assert compare(loaded, fresh).equal
    loaded.target[0] = 2
    assert compare(fresh, loaded).detail == "key 'target', index 0: 0 vs 2"


def test_a_function_that_a_run_rewrote_equals_its_source(monkeypatch, tmp_path) -> None:
    from nbprod.compare import compiled
    from nbprod.run.kernel import rewrite

    source = (
        "def train(m, x, kept=[]):\n    kept.append([m.fit(x, y=1) for _ in x])\n    return kept\n"
    )
    path = tmp_path / "train.py"
    path.write_text("class Step:\n" + "".join(f"    {line}\n" for line in source.splitlines()))
    plain, run, other = {"__name__": "train"}, {}, {}
    exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), plain)
    for text, scope in ((source, run), (source.replace("y=1", "y=2"), other)):
        tree = rewrite.ObservedCalls().visit(ast.parse(text))
        exec(compile(tree, "cell", "exec", dont_inherit=True), scope)
    functions = [plain["Step"].train, run["train"], other["train"]]
    for function in functions:
        function.__qualname__ = "train"
    assert not compare(functions[0], functions[1]).equal
    monkeypatch.setitem(
        compiled.rewritings, rewrite.HOOKS_MODULE, lambda tree: rewrite.ObservedCalls().visit(tree)
    )
    assert compare(functions[0], functions[1]).equal
    assert not compare(functions[0], functions[2]).equal


def test_where_a_library_was_imported_changes_no_function() -> None:
    """Python 3.11 calls ``np.clip`` in another way where the same file imports ``np``."""
    scopes: list[dict[str, Any]] = [{"np": np}, {}, {}]
    for scope, text in zip(
        scopes,
        ("{}", "import numpy as np\n{}", "import numpy as np\n{}".replace("{}", "{}  + 1")),
        strict=True,
    ):
        exec(compile(text.format("f = lambda x: np.clip(x, 0, 1)"), "cell", "exec"), scope)
    assert compare(scopes[0]["f"], scopes[1]["f"]).equal
    assert not compare(scopes[0]["f"], scopes[2]["f"]).equal


class Handle:
    """Keeps a pointer, as xgboost's models do, and gives pickle what it points to."""

    def __init__(self, content: list[int]) -> None:
        self.pointer = ctypes.pointer(ctypes.c_int(content[0]))
        self._content = content

    def __getstate__(self) -> dict[str, Any]:
        return {"content": bytes(self._content)}


def test_handles_are_compared_by_what_their_class_gives_to_pickle() -> None:
    assert compare(Handle([1, 2]), Handle([1, 2])).equal
    assert not compare(Handle([1, 2]), Handle([1, 3])).equal


def test_frozen_distributions_of_scipy() -> None:
    """What they bind as methods are objects that can be called, not functions."""
    assert compare(scipy.stats.randint(2, 6), scipy.stats.randint(2, 6)).equal
    assert not compare(scipy.stats.randint(2, 6), scipy.stats.randint(2, 7)).equal


def _masked(**settings: Any) -> Any:
    return np.ma.array([1, 2], mask=[False, True], **settings)


class Metered(np.ndarray):
    """An array with a unit."""

    unit = ""


def _metered(unit: str) -> Any:
    made = np.zeros(2).view(Metered)
    made.unit = unit
    return made


class Owned(pd.DataFrame):
    """A frame with an owner."""

    _metadata: ClassVar[list[str]] = ["owner"]


def _owned(owner: str) -> Any:
    made = Owned({"a": [1]})
    made.owner = owner
    return made


def _caused(cause: BaseException | None) -> ValueError:
    made = ValueError(1)
    made.__cause__ = cause
    return made


class Numbers(array.array):  # type: ignore[type-arg]
    pass


def _categories(order: str) -> Any:
    return pd.Categorical(["a"], categories=list(order))


def _objects(*values: Any) -> Any:
    return pd.Series([*values, "a"], dtype=object)


ROW = [1]
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MOMENTS = (
    datetime.datetime(2024, 1, 1, 0, tzinfo=datetime.UTC),
    datetime.datetime(2024, 1, 1, 1, tzinfo=BERLIN),
)

NOTICED: list[tuple[str, Any, Any]] = [
    ("partial", functools.partial(max, 1), functools.partial(max, 2)),
    ("array of a subclass", Numbers("i", [1]), Numbers("i", [2])),
    ("struct", struct.Struct("i"), struct.Struct("q")),
    ("bound builtin", [1].append, [2].append),
    ("maxlen", deque([1], 2), deque([1], 3)),
    ("cause", _caused(KeyError(2)), _caused(None)),
    ("iterator", iter([1]), iter([2])),
    ("proxy", types.MappingProxyType({1: 1}), types.MappingProxyType({1: 2})),
    ("exponent", decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    ("zone", *MOMENTS),
    ("zone of pandas", *map(pd.Timestamp, MOMENTS)),
    ("unit", pd.Timestamp("2024").as_unit("s"), pd.Timestamp("2024").as_unit("ns")),
    ("fold", datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, fold=1)),
    ("key", {True: "a"}, {1: "a"}),
    ("element", {1, "a"}, {True, "a"}),
    ("order of categories", _categories("ab"), _categories("ba")),
    ("order of an index's", *(pd.CategoricalIndex(_categories(each)) for each in ("ab", "ba"))),
    ("None and NaN", _objects(None), _objects(NAN)),
    ("NA and NaT", _objects(pd.NA), _objects(pd.NaT)),
    ("flags", frame(), frame().set_flags(allows_duplicate_labels=False)),
    ("metadata", _owned("me"), _owned("you")),
    ("attribute", _metered("m"), _metered("km")),
    ("fill value", _masked(fill_value=7), _masked(fill_value=9)),
    ("hard mask", _masked(hard_mask=True), _masked()),
    ("one list twice", [ROW, ROW], [ROW, [1]]),
    ("one list once", [ROW, [1]], [ROW, ROW]),
    ("interval", pd.Interval(0, 1), pd.Interval(0.0, 1.0)),
    ("small beside large", np.array([1e12, 1.0]), np.array([1e12, 1.1])),
    ("whole beside large", pd.Series([1e15, 1.0]), pd.Series([1e15, 5.0])),
]


@pytest.mark.parametrize(("what", "one", "other"), NOTICED)
def test_what_later_code_would_notice_is_a_difference(what: str, one: Any, other: Any) -> None:
    for found in (compare(one, other), compare(other, one)):
        assert not found.equal
        assert found.comparable, (what, found.detail)


def test_what_cannot_change_may_be_one_object_or_two() -> None:
    """Texts, tuples, indexes of pandas."""
    day, index = datetime.date(2024, 1, 1), pd.RangeIndex(2)
    copies = copy.copy(day), pd.RangeIndex(2)
    assert compare([day, day, index, index], [day, copies[0], index, copies[1]]).equal
    assert compare([(1, "a")] * 2, [(1, "a"), (1, *"a")]).equal


def test_a_dataclass_and_a_cached_property_equal_their_copies() -> None:
    class Cached:
        @functools.cached_property
        def value(self) -> int:
            return 1

    @dataclass
    class Settings:
        rate: float = 0.5
        tags: list[str] = field(default_factory=list)

    for kind in (Cached, Settings):
        kind.__module__ = "__main__"
        file = io.BytesIO()
        artifacts.pickler(file).dump(kind)
        file.seek(0)
        found = compare(kind, artifacts.ArtifactUnpickler(file).load())
        assert found.equal, found.detail


def test_state_that_no_attribute_shows_is_found_by_the_room_for_it() -> None:
    """The kernel's copy of the rule says the same of every class."""

    class Plain:
        pass

    class Private:
        __slots__ = ("__a", "__weakref__", "b")

        def __init__(self) -> None:
            self.__a = 1

    class Both(Private):
        pass

    class Partial(functools.partial):  # type: ignore[type-arg]
        pass

    plain = (Plain, Private, Both, Point, Slotted, Colour, LogisticRegression)
    hidden = (Partial, functools.partial, Numbers, struct.Struct, ValueError, Words, object, int)
    for kinds, expected in ((plain, True), (hidden, False)):
        for kind in kinds:
            assert attributes.hold_everything(kind) is expected, kind
            assert kernel_attributes.hold_everything(kind) is expected, kind
    for module in (attributes, kernel_attributes):
        assert module.attributes(Both()) == {"_Private__a": 1}
