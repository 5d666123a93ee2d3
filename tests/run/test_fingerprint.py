"""Fingerprints: equal for equal values, another after any change, in any process."""

from __future__ import annotations

import copy
import functools
import logging
import pickle
import random
import signal
import subprocess
import sys
import threading
import types
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from nbprod.compare.values import compare
from nbprod.run.kernel.fingerprint import NODE_LIMIT, fingerprint, survey


class Box:
    def __init__(self, items: Any) -> None:
        self.items = items

    @functools.cached_property
    def size(self) -> int:
        return len(self.items)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1.5, None, 3.0],
            "text": ["a", None, "c"],
            "kind": pd.Categorical(["x", "y", "x"]),
            "when": pd.to_datetime(["2024-01-01", None, "2024-01-03"], utc=True),
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "any": pd.Series([1, "two", [3]], dtype=object),
        },
        index=[10, 20, 30],
    )


def forest() -> Any:
    X = np.arange(40.0).reshape(20, 2)
    return RandomForestClassifier(5, random_state=0).fit(X, X[:, 0] > 9)


ARROW = {
    "str": ["a", None, "ccc"],
    "string[pyarrow]": ["a", None, "ccc"],
    "int64[pyarrow]": [1, None, 3],
    "bool[pyarrow]": [True, None, False],
    "timestamp[ns][pyarrow]": [1, None, 3],
}


@pytest.mark.parametrize("dtype", ARROW)
def test_columns_of_arrow_count_by_what_they_hold(dtype: str) -> None:
    pytest.importorskip("pyarrow", reason="the column is Arrow's")
    whole = pd.Series(ARROW[dtype] * 40, dtype=dtype, index=list(range(1, 121))[::-1])
    for part in (whole, whole.iloc[5:77], whole[::7]):
        text, _, opaque = fingerprint(part)
        loaded = pickle.loads(pickle.dumps(part))
        chunks = pd.concat([part.iloc[:5], part.iloc[5:]])
        assert {text} == {fingerprint(each)[0] for each in (loaded, chunks, part.copy())}
        assert not opaque
        assert survey({"part": part, "loaded": loaded}, ["part", "loaded"])["shares"] == []
        changed = part.copy()
        changed.iloc[1] = changed.iloc[2]
        assert fingerprint(changed)[0] != text


@pytest.mark.parametrize(
    "columns",
    [["a", "b"], pd.interval_range(0, 2), pd.period_range("2024", periods=2), pd.array([1, 2])],
    ids=["text", "intervals", "periods", "nullable"],
)
def test_frames_with_one_index_share_nothing_by_it(columns: Any) -> None:
    whole = pd.DataFrame([[1, 2], [3, 4]], columns=columns, index=columns)
    found = survey({"whole": whole, "part": whole.iloc[:1].copy()}, ["whole", "part"])
    assert found["shares"] == []


def inner(box: Box) -> None:
    box.items["a"].append(1)


def set_cell(table: pd.DataFrame) -> None:
    table.loc[20, "any"] = "other"


def drop_column(table: pd.DataFrame) -> None:
    del table["n"]


def reorder(table: pd.DataFrame) -> None:
    table.index = pd.Index([10, 30, 20])


def assign_view(array: Any) -> None:
    array[::2][1] = 9


ROW = [("number", "i4"), ("text", "O")]
CHANGES: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
    (lambda: [1, [2]], lambda v: v[1].append(3)),
    (lambda: {"a": 1}, lambda v: v.update(a=1.0)),
    (lambda: {"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a"))),
    (lambda: {f"k{n}": n for n in range(200)}, lambda v: v.update(k7=0)),
    (lambda: {f"k{n}": n for n in range(200)}, lambda v: v.update(more=0)),
    (lambda: [signal.SIGINT], lambda v: v.__setitem__(0, signal.SIGHUP)),
    (lambda: {1, 2}, lambda v: v.add(3)),
    (lambda: list(range(500)), lambda v: v.__setitem__(499, True)),
    (lambda: Box({"a": []}), inner),
    (lambda: np.arange(6), assign_view),
    (lambda: np.arange(6.0).reshape(2, 3).T, lambda v: v.__setitem__((0, 1), 7)),
    (lambda: np.array(["a", "bb"], dtype=object), lambda v: v.__setitem__(0, "c")),
    (lambda: np.ma.masked_array([1, 2], [False, True]), lambda v: v.__setitem__(0, 5)),
    (lambda: np.random.default_rng(1), lambda v: v.normal()),
    (lambda: random.Random(1), lambda v: v.random()),
    (lambda: np.array([(1, "a")], dtype=ROW)[0], lambda v: v.__setitem__("text", "b")),
    (lambda: pd.date_range("2020", periods=3, freq="D"), lambda v: setattr(v, "freq", None)),
    (frame, set_cell),
    (frame, drop_column),
    (frame, reorder),
    (frame, lambda v: v["kind"].cat.categories is None or v.attrs.update(unit="m")),
    (lambda: frame()["whole"], lambda v: v.__setitem__(20, 2)),
    (forest, lambda v: v.set_params(n_estimators=6)),
    (forest, lambda v: v.estimators_[2].tree_.value.__setitem__((0, 0, 0), 0.123)),
    (
        lambda: {"many": list(range(NODE_LIMIT)), "o": [Box(n) for n in range(10)]},
        lambda v: v["o"].pop(),
    ),
]


@pytest.mark.parametrize(("make", "change"), CHANGES)
def test_a_change_gives_another_fingerprint(make: Any, change: Any) -> None:
    value = make()
    before = fingerprint(value)[0]
    assert fingerprint(value)[0] == before
    assert fingerprint(pickle.loads(pickle.dumps(make())))[0] == before
    change(value)
    assert fingerprint(value)[0] != before


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text(), inner)
            | st.tuples(inner, inner)
            | st.sets(st.integers() | st.text())
        ),
        max_leaves=30,
    )
)
def test_copies_have_one_fingerprint(value: Any) -> None:
    assert fingerprint(copy.deepcopy(value))[0] == fingerprint(value)[0]


def test_inner_sharing_is_part_of_it() -> None:
    shared = [1]
    assert fingerprint([shared, shared])[0] != fingerprint([[1], [1]])[0]


def test_reading_changes_nothing() -> None:
    model, table, box = forest(), frame(), Box([1])
    before = [fingerprint(value)[0] for value in (model, table, box)]
    model.predict([[1.0, 2.0]])
    table.describe(include="all")
    table.groupby("kind", observed=True)["n"].mean()
    assert table.index.is_unique
    assert box.size == 1
    assert [fingerprint(value)[0] for value in (model, table, box)] == before


def test_what_estimators_keep_for_themselves_when_asked_is_no_change() -> None:
    binarizer = MultiLabelBinarizer().fit([["a"], ["b"]])
    vectorizer = HashingVectorizer(n_features=4)
    before = fingerprint([binarizer, vectorizer])[0]
    binarizer.transform([["a"]])
    vectorizer.transform(["a b"])
    assert fingerprint([binarizer, vectorizer])[0] == before


@pytest.mark.parametrize("tree", ["kd_tree", "ball_tree"])
def test_neighbours_that_are_asked_for_change_nothing(tree: str) -> None:
    """scikit-learn's trees count how often they are asked."""
    model = KNeighborsClassifier(2, algorithm=tree).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    before, copied = fingerprint(model)[0], copy.deepcopy(model)
    model.predict([[0.5]])
    assert fingerprint(model)[0] == before
    assert compare(copied, model).equal
    model.fit([[0.0], [1.0], [3.0]], [0, 1, 1])
    assert fingerprint(model)[0] != before
    assert not compare(copied, model).equal


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"bin": pd.cut(pd.Series([1.0, 5.0, 9.0]), 3)}),
        pd.interval_range(0, 3),
        np.polynomial.Polynomial([1, 2, 3]),
    ],
    ids=["bins", "intervals", "polynomial"],
)
def test_what_a_library_computes_again_is_no_change(value: Any) -> None:
    before = fingerprint(value)[0]
    repr(value)
    assert fingerprint(pickle.loads(pickle.dumps(value)))[0] == before


def test_it_is_the_same_in_another_process() -> None:
    code = (
        "from nbprod.run.kernel.fingerprint import fingerprint\n"
        "import numpy as np\n"
        "print(fingerprint({'s': {'x', 'y', 'z'}, 'a': np.arange(3), 'f': len})[0])"
    )
    here = fingerprint({"s": {"x", "y", "z"}, "a": np.arange(3), "f": len})[0]
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert there == here


def test_what_has_no_content_counts_by_identity() -> None:
    lock = threading.Lock()
    text, _, opaque = fingerprint({"l": lock})
    assert fingerprint({"l": lock})[0] == text
    assert opaque == {"lock"}
    assert fingerprint({"l": threading.Lock()})[0] != text


def test_cycles_end() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert fingerprint(ring)[0] == fingerprint(ring)[0]


def test_shared_objects_and_buffers_are_found() -> None:
    items: list[int] = [1]
    base = np.arange(9)
    found = survey(
        {"a": items, "b": {"in": items}, "base": base, "view": base[3:], "apart": [1], "n": 5},
        ["a", "b", "base", "view", "apart", "n", "missing"],
    )
    assert sorted(found["shares"]) == [["a", "b"], ["base", "view"]]
    assert "missing" not in found["fingerprints"]


def test_what_is_bound_to_a_global_generator_does_not_change_with_its_state() -> None:
    """``rand = np.random.rand``: the state is the process's, not the variable's."""
    bound = [np.random.rand, np.random.mtrand._rand, random.randint]
    before = fingerprint(bound)[0]
    np.random.rand(), random.randint(1, 2)
    assert fingerprint(bound)[0] == before
    assert fingerprint(bound)[0] != fingerprint([np.random.randn, *bound[1:]])[0]
    assert fingerprint([np.random.RandomState(1).rand, *bound[1:]])[0] != before


def test_a_path_that_was_used_is_the_same_path() -> None:
    path = Path("data")
    before = fingerprint(path)
    assert str(path / "x") in {"data/x", "data\\x"}
    assert hash(path)
    assert fingerprint(path)[0] == before[0]
    assert fingerprint(Path("other"))[0] != before[0]


@pytest.mark.parametrize("fill", [None, np.array("?")])
def test_a_masked_array_keeps_its_fingerprint_however_its_default_fill_is_kept(fill: Any) -> None:
    """Up to numpy 1.23 the default for objects is a text once it was asked for."""
    values = np.ma.MaskedArray(np.array([1, "a"], dtype=object), mask=[False, True])
    before = fingerprint(values)[0]
    assert fingerprint(pickle.loads(pickle.dumps(values)))[0] == before
    values._fill_value = fill
    assert fingerprint(values)[0] == before
    values.fill_value = "!"
    assert fingerprint(values)[0] != before


def test_a_logger_is_known_by_its_name() -> None:
    """Its level and handlers are the process's, and it keeps what levels it asked for."""
    log = logging.getLogger("sales")
    before = fingerprint(log)
    log.info("not shown")
    assert fingerprint(log) == before
    assert not before[2]
    assert fingerprint(logging.getLogger("other"))[0] != before[0]
    assert fingerprint(logging.Logger("sales"))[0] != before[0]


SPENT = {
    "list": lambda: iter([1, 2]),
    "tuple": lambda: iter((1, 2)),
    "text": lambda: iter("12"),
    "set": lambda: iter({1, 2}),
    "keys": lambda: iter({1: 2}),
    "items": lambda: iter({1: 2}.items()),
    "reversed": lambda: reversed([1, 2]),
    "zip": lambda: zip([1, 2], "ab", strict=True),
}


@pytest.mark.parametrize("make", SPENT.values(), ids=SPENT)
def test_an_iterator_at_its_end_comes_back_as_what_it_was(make):
    iterator = make()
    list(iterator)
    assert fingerprint(pickle.loads(pickle.dumps(iterator)))[0] == fingerprint(iterator)[0]
    assert fingerprint(iterator)[0] != fingerprint(make())[0]


def test_what_shows_its_attributes_in_their_order():
    one, other = types.SimpleNamespace(a=1, b=2), types.SimpleNamespace(b=2, a=1)
    assert fingerprint(one)[0] != fingerprint(other)[0]
    assert fingerprint(one)[0] == fingerprint(copy.deepcopy(one))[0]


def test_containers_of_the_users_own_are_read_past_their_methods() -> None:
    asked = []

    class Counting(dict[str, int]):
        def __len__(self) -> int:
            asked.append("len")
            return super().__len__()

        def __iter__(self) -> Any:
            asked.append("iter")
            return super().__iter__()

    class Listed(list[int]):
        def __iter__(self) -> Any:
            asked.append("iter")
            return super().__iter__()

    for value in (Counting(a=1, b=2), Listed([1, 2]), deque(range(100))):
        assert fingerprint(value)
    assert not asked
