"""What crosses from one kernel of an isolated run to the next besides values."""

from __future__ import annotations

import calendar
import csv
import itertools
import logging
import os
import pickle
import random
import socket
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.run.kernel import (
    artifacts,
    fingerprint,
    namespace,
    set_orders,
    set_tables,
    settings,
    views,
)


def carried(variables: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the variables of the next kernel, and what is said of them."""
    prints = namespace._prints(variables, fingerprint.walks(variables, variables))
    path = folder / "namespace.pkl"
    saved = artifacts.save_variables(variables, list(variables), str(path), scope={"scope": 1})
    found = artifacts.load_variables(str(path), saved["sha256"], scope={})
    told = namespace._changed(found["variables"], prints, found["sets"])
    return found["variables"], [text for _, text in told]


WORDS = st.sets(st.one_of(st.text(max_size=4), st.integers(), st.tuples(st.integers())))


@given(WORDS, st.randoms(use_true_random=False))
def test_a_set_comes_back_in_its_order_whatever_was_removed(
    words: set[Any], draw: random.Random
) -> None:
    for each in sorted(words, key=repr)[: draw.randrange(1 + len(words))]:
        words.discard(each)
    elements = set_tables.insertion(words)
    assert elements is not None
    found = set_orders.made("set", list(words), elements, set_tables.size(words))
    assert list(found) == list(words)
    assert set_tables.size(found) == set_tables.size(words)


@pytest.mark.parametrize("count", [3, 18, 60, 76, 300])
def test_sets_of_text_keep_their_order_in_the_next_kernel(count: int, tmp_path: Path) -> None:
    words = {f"word {number}" for number in range(count)}
    frozen = frozenset(f"other {number}" for number in range(76))
    variables = {"words": words, "alias": [words], "frozen": frozen}
    found, told = carried(variables, tmp_path)
    assert told == []
    assert list(found["words"]) == list(words)
    assert found["alias"][0] is found["words"]
    assert list(found["frozen"]) == list(frozen)


def test_a_set_in_another_order_is_told() -> None:
    # Two that fall into different places of a small table: no order of insertion changes theirs.
    one, other = next(
        pair
        for pair in itertools.combinations("abcdefgh", 2)
        if (hash(pair[0]) - hash(pair[1])) & 7
    )
    order = list({one, other})[::-1]
    assert set_orders.other([("letters", {one, other}, order, order, 8)]) == ["letters"]


def with_attributes() -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["x"] = 1
    return frame


@pytest.mark.parametrize(
    "shared",
    [
        lambda: (lambda array: (array, array[1:]))(np.array(["a", "b", "c"], dtype=object)),
        lambda: (lambda base: (base, types.MappingProxyType(base)))({"x": 1}),
        lambda: (lambda frame: (frame.attrs, frame))(with_attributes()),
    ],
    ids=["objects", "mapping proxy", "attributes of a frame"],
)
def test_what_shares_a_buffer_or_a_dict_shares_it_again(
    shared: Callable[[], tuple[Any, Any]], tmp_path: Path
) -> None:
    one, other = shared()
    found, told = carried({"one": one, "other": other}, tmp_path)
    assert told == []
    if isinstance(one, dict):
        found["one"]["x"] = 2
        assert getattr(found["other"], "attrs", found["other"])["x"] == 2
    else:
        found["one"][1] = "z"
        assert found["other"][0] == "z"


DAYS = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])


@pytest.mark.parametrize(
    "column",
    [
        [0, 0, 1],
        [0.5, 0.5, 1.0],
        ["a", "a", "b"],
        pd.Categorical(["a", "a", "b"]),
        pd.array([1, 2, None], dtype="Int64"),
        pd.array([True, False, None], dtype="boolean"),
        pd.Series([1, "x", None], dtype=object),
        DAYS,
        DAYS.tz_localize("UTC"),
        DAYS - DAYS[0],
        DAYS.to_period("M"),
    ],
    ids=lambda column: str(getattr(column, "dtype", type(column[0]).__name__)),
)
def test_what_pandas_copies_on_write_is_copied_on_write_again(column: Any, tmp_path: Path) -> None:
    """A copy, a column, a renamed frame have the original's arrays until one is written to."""
    frame = pd.DataFrame({"k": column, "v": [1, 2, 3]})
    variables = {
        "frame": frame,
        "renamed": frame.rename(columns={"v": "w"}),
        "series": frame["k"],
        "moved": frame.set_axis([5, 6, 7]),
        "part": frame[["k"]],
        "tail": frame["k"].iloc[1:],
        "assigned": frame.assign(z=1),
        "indexed": frame.set_index("k", drop=False),
        "by_index": pd.Series([1, 2, 3], index=pd.Index(frame["k"])),
        "copied": frame.copy(deep=False),
        "grouped": frame.groupby("v"),
    }

    def after(found: dict[str, Any]) -> dict[str, list[Any]]:
        found["frame"].loc[2, "k"] = found["frame"]["k"].iloc[0]
        found["series"].iloc[1] = found["series"].iloc[2]
        found["moved"].loc[5, "k"] = found["moved"]["k"].iloc[2]
        texts = {
            name: list(map(str, getattr(value, "obj", value).to_numpy(dtype=object).ravel()))
            for name, value in found.items()
        }
        return texts | {name: list(map(str, found[name].index)) for name in ("indexed", "by_index")}

    found, told = carried(variables, tmp_path)
    assert told == []
    assert after(found) == after(variables)


@pytest.mark.parametrize(
    ("make", "write"),
    [
        (
            lambda array: {"array": array, "frame": pd.DataFrame(array, copy=False)},
            lambda found: found["array"].__setitem__((0, 0), 7.0),
        ),
        (
            lambda array: {
                "frame": (frame := pd.DataFrame(array)),
                "values": frame.to_numpy(),
                "column": frame[0].to_numpy(),
            },
            lambda found: found["frame"].iloc.__setitem__((0, 0), 7.0),
        ),
        (
            lambda array: {"series": (series := pd.Series(array[:, 0])), "view": series.to_numpy()},
            lambda found: found["series"].iloc.__setitem__(0, 7.0),
        ),
    ],
    ids=["frame over an array", "arrays of a frame", "array of a series"],
)
def test_arrays_show_what_frames_hold_again(
    make: Callable[[Any], dict[str, Any]], write: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    variables = make(np.zeros((3, 2)))
    found, told = carried(variables, tmp_path)
    assert told == []
    for each in (variables, found):
        write(each)
    for name, value in variables.items():
        assert np.asarray(found[name]).tolist() == np.asarray(value).tolist()
        assert np.asarray(value).ravel()[0] == 7.0


def test_sharing_that_was_met_takes_one_attempt(tmp_path: Path) -> None:
    array = np.zeros(10)
    variables = {"array": array, "view": array[2:]}
    carried(variables, tmp_path)
    sharing = views.Sharing()
    assert sharing.reduce(variables["view"]) is not None
    assert not sharing.missed


def test_closures_over_one_variable_have_one_cell_again(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "def pair():\n count = 0\n def add():\n  nonlocal count\n  count += 1\n"
        " def read():\n  return count\n return add, read\nadd, read = pair()",
        namespace,
    )
    found, told = carried({name: namespace[name] for name in ("add", "read")}, tmp_path)
    found["add"]()
    assert (told, found["read"]()) == ([], 1)


@pytest.mark.parametrize(
    "shared",
    [
        lambda: (lambda masked: (masked, masked[1:]))(np.ma.array([1, 2, 3], mask=[0, 1, 0])),
        lambda: (lambda owner: (owner, vars(owner)))(types.SimpleNamespace(a=1)),
    ],
    ids=["masked", "attributes"],
)
def test_what_would_no_longer_share_is_told(
    shared: Callable[[], tuple[Any, Any]], tmp_path: Path
) -> None:
    one, other = shared()
    _, told = carried({"one": one, "other": other}, tmp_path)
    assert told == ["`one` and `other` share something that they would no longer share"]


def test_a_memmap_shows_its_file_again(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "m.dat", dtype="int32", mode="w+", shape=(4,))
    array[:] = 1
    found, told = carried({"array": array}, tmp_path)
    found["array"][1] = 9
    found["array"].flush()
    assert (told, np.fromfile(tmp_path / "m.dat", "int32").tolist()) == ([], [1, 9, 1, 1])


def test_a_part_of_a_memmap_is_refused(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "m.dat", dtype="int32", mode="w+", shape=(4,))
    saved = artifacts.save_variables(
        {"part": array[1:]}, ["part"], str(tmp_path / "a.pkl"), scope={"scope": 1}
    )
    assert "shows a file" in saved["unsaved"]["part"]


@pytest.fixture
def untouched() -> Iterator[None]:
    """Settings as they were, afterwards."""
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)
    calendar.setfirstweekday(0)
    socket.setdefaulttimeout(None)
    logging.disable(logging.NOTSET)
    csv.unregister_dialect("semi")


@pytest.mark.usefixtures("untouched")
def test_what_setter_functions_set_is_set_in_another_process() -> None:
    before = settings.snapshot()
    calendar.setfirstweekday(6)
    socket.setdefaulttimeout(7.5)
    logging.disable(logging.ERROR)
    before_mask = os.umask(0o077)
    csv.register_dialect("semi", delimiter=";")
    found = {name: value for name, value in settings.snapshot().items() if name not in before}
    assert found == {
        "calendar.firstweekday": 6,
        "socket.getdefaulttimeout": 7.5,
        "logging.disable": logging.ERROR,
        "umask": 0o077,
        "csv dialects": found["csv dialects"],
    }
    os.umask(before_mask)  # else the process would inherit it
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pickle\n"
            "from nbprod.run.kernel import settings\n"
            "first = settings.snapshot()\n"
            "problems = list(settings.restore(pickle.load(sys.stdin.buffer)))\n"
            "sys.stdout.buffer.write(pickle.dumps((first, problems, settings.snapshot())))",
        ],
        input=pickle.dumps(found),
        stdout=subprocess.PIPE,
        check=True,
    )
    first, problems, now = pickle.loads(told.stdout)
    assert (first, problems, now) == ({}, [], found)
