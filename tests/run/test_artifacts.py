"""Artifacts: what goes in comes out, large data without copies, nothing that was changed."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import mmap
import random
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.run.kernel import artifacts, blobs, withheld
from nbprod.run.kernel.fingerprint import fingerprint

ROWS = 5000


def table() -> pd.DataFrame:
    texts = [None if n % 7 == 0 else f"text {n % 90}" for n in range(ROWS)]
    return pd.DataFrame(
        {
            "number": np.arange(ROWS, dtype="float32"),
            "whole": pd.array([None, *range(1, ROWS)], dtype="Int64"),
            "text": pd.array(texts, dtype="str"),
            "objects": pd.Series(texts, dtype=object),
            "mixed": pd.Series([1, "a", [2], None] * (ROWS // 4), dtype=object),
            "kind": pd.Categorical([f"k{n % 3}" for n in range(ROWS)], ["k2", "k1", "k0"], True),
            "when": pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="Europe/Berlin"),
        },
        index=pd.MultiIndex.from_product([range(ROWS // 2), ["x", "y"]], names=["n", "side"]),
    )


def save(tmp_path: Path, name: str = "a", **values: Any) -> dict[str, Any]:
    return artifacts.save_variables(values, list(values), str(tmp_path / f"{name}.pkl"))


def load(found: dict[str, Any]) -> dict[str, Any]:
    return artifacts.load_variables(found["path"], found["sha256"])["variables"]  # type: ignore[no-any-return]


def test_frames_and_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    read_only = np.arange(9000)
    read_only.flags.writeable = False
    grid = np.asfortranarray(np.arange(9000.0).reshape(90, 100))
    words = np.array(["a", "b"] * 3000, dtype=object).reshape(60, 100).T
    values = {"table": table(), "read_only": read_only, "grid": grid, "words": words}
    loaded = load(save(tmp_path, **values))
    for name, value in values.items():
        assert fingerprint(loaded[name])[0] == fingerprint(value)[0], name
    assert loaded["grid"].flags.f_contiguous
    assert not loaded["read_only"].flags.writeable
    pd.testing.assert_frame_equal(loaded["table"], values["table"])


def test_large_data_is_stored_once_and_mapped(tmp_path: Path) -> None:
    first = save(tmp_path, "one", table=table(), more=[1])
    size = sum(path.stat().st_size for path in tmp_path.rglob("*"))
    again = save(tmp_path, "two", table=table(), more=[2])
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) - size < size / 3
    assert first["sha256"] != again["sha256"]
    numbers = load(save(tmp_path, n=np.arange(90_000)))["n"]
    base = numbers
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", base), mmap.mmap)
    numbers[0] = 77  # stays in memory
    assert load(again)["more"] == [2]
    assert load(save(tmp_path, n=np.arange(90_000)))["n"][0] == 0


def test_arrays_that_share_a_buffer_share_it_again(tmp_path: Path) -> None:
    base = np.arange(50_000)
    loaded = load(save(tmp_path, base=base, part=base[10:20], same=base))
    assert loaded["same"] is loaded["base"]
    loaded["part"][0] = -1
    assert loaded["base"][10] == -1


@pytest.mark.parametrize("order", ["held x part", "x part held", "part x", "held x"])
def test_a_view_shares_with_its_array_in_any_order_and_again(tmp_path: Path, order: str) -> None:
    x = np.arange(6.0)
    part = x[1:4]
    values: dict[str, Any] = {"held": [1, part], "x": x, "part": part}
    found = {name: values[name] for name in order.split()}
    for time in range(3):  # what is loaded is saved for the next step
        found = load(save(tmp_path, str(time), **found))
        view = found["part"] if "part" in found else found["held"][1]
        assert np.shares_memory(view, found["x"])


@pytest.mark.parametrize("field", ["f8", "O"])
@pytest.mark.parametrize("order", ["row rows", "rows row", "row"])
def test_a_row_writes_into_its_array_again(tmp_path: Path, field: str, order: str) -> None:
    rows = np.array([(1, 2), (3, 4)], dtype=[("a", "i4"), ("b", field)])
    values = {"rows": rows, "row": rows[1]}
    found = {name: values[name] for name in order.split()}
    for time in range(2):
        found = load(save(tmp_path, f"{time}", **found))
        found["row"]["a"] = time + 10
        assert found["row"]["a"] == time + 10
        assert "rows" not in found or found["rows"]["a"].tolist() == [1, time + 10]


def test_a_small_array_owns_its_memory_again_and_can_be_resized(tmp_path: Path) -> None:
    row = np.arange(6)
    values = {"row": row, "part": row[2:4], "grid": np.asfortranarray(np.ones((2, 3)))}
    values |= {"shaped": np.arange(6).reshape(3, 2), "alone": np.arange(6)[1:5:2]}
    loaded = load(save(tmp_path, **values))
    assert loaded["part"].base is loaded["row"]
    assert loaded["row"].base is None
    assert loaded["shaped"].base.tolist() == [0, 1, 2, 3, 4, 5]
    assert loaded["alone"].base.shape == (6,)
    assert loaded["alone"].strides == (16,)
    assert loaded["grid"].flags.f_contiguous
    assert loaded["grid"].flags.owndata
    loaded["grid"].resize((4, 4), refcheck=False)
    loaded["part"][0] = 9
    assert loaded["row"].tolist() == [0, 1, 9, 3, 4, 5]


def test_a_blob_that_was_changed_is_not_loaded(tmp_path: Path) -> None:
    found = save(tmp_path, n=np.arange(90_000))
    (blob,) = (tmp_path / "blobs").iterdir()
    data = bytearray(blob.read_bytes())
    data[8] ^= 1
    blob.write_bytes(data)
    with pytest.raises(ValueError, match="was changed after the run"):
        load(found)


@pytest.mark.parametrize("size", [3, 5000])
def test_missing_values_are_the_same_object_again(tmp_path: Path, size: int) -> None:
    column = pd.Series(["a", np.nan, "b"] * (size // 3), dtype=object)
    variables = {"column": column, "value": np.nan, "listed": [math.nan, 1.0]}
    found = load(save(tmp_path, **variables))
    assert found["value"] is np.nan
    assert found["listed"][0] is math.nan
    assert [value is np.nan for value in found["column"]] == [False, True, False] * (size // 3)


def test_a_missing_value_of_ones_own_is_found_again(tmp_path: Path) -> None:
    """NaN equals nothing but itself, so that a dict finds it by its identity."""
    own, other = float("nan"), float("nan")
    found = load(save(tmp_path, own=own, table={own: 1, other: 2}, listed=[other, own]))
    assert found["table"][found["own"]] == 1
    assert found["listed"][1] is found["own"]
    assert found["table"][found["listed"][0]] == 2


def test_a_count_and_the_systems_generator_go_on(tmp_path: Path) -> None:
    ids = itertools.count(10, 2)
    next(ids)
    found = load(save(tmp_path, ids=ids, generator=random.SystemRandom()))
    assert [next(found["ids"]), next(ids)] == [12, 12]
    assert 0 <= found["generator"].random() < 1


def test_what_is_no_text_is_left_to_pickle() -> None:
    lists = np.empty(2000, dtype=object)
    lists[:] = [[1] for _ in range(2000)]
    assert blobs.reduce_array(lists) is None
    assert blobs.reduce_array(np.arange(5000)) is None


def test_what_sets_no_state_keeps_its_attributes(tmp_path: Path) -> None:
    from sklearn.datasets import load_iris  # its __setstate__ does nothing

    iris = load_iris()
    iris["note"] = "wild"
    loaded = load(save(tmp_path, iris=iris, own=iris))
    assert fingerprint(loaded["iris"])[0] == fingerprint(iris)[0]
    assert loaded["own"] is loaded["iris"]
    assert vars(loaded["iris"]) == vars(iris)


def _unsavable() -> dict[str, Any]:
    return {
        "generator": (n for n in range(3)),
        "file": Path(__file__).open(encoding="utf-8"),
        "connection": socket.socket(),
        "frame": inspect.currentframe(),
        "nested": {"deep": [(n for n in range(3))]},
    }


def test_what_lives_in_one_process_is_refused_with_its_reason(tmp_path: Path) -> None:
    values = {**_unsavable(), "good": [1, 2]}
    refused = values.keys() - {"good"}
    try:
        found = save(tmp_path, **values)
    finally:
        values["file"].close()
        values["connection"].close()
    assert set(found["unsaved"]) == refused
    assert all("cannot be saved" in reason for reason in found["unsaved"].values())
    assert load(found) == {"good": [1, 2]}  # the others of the boundary still travel


def test_lambdas_and_classes_of_the_notebook_travel(tmp_path: Path) -> None:
    code = (
        "import sys, json\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from nbprod.run.kernel import artifacts\n"
        "offset = 5\n"
        "class Base:\n    scale = 2\n"
        "class Box(Base):\n"
        "    def __init__(self, v):\n        self.v = v\n"
        "    def get(self):\n        return super().scale * self.v\n"
        "add = lambda v: v + offset\n"
        "shared = Box([1])\n"
        "values = {'add': add, 'box': shared, 'same': shared, 'Box': Box}\n"
        "print(json.dumps(artifacts.save_variables(values, list(values), sys.argv[2])))\n"
    )
    repository = str(Path(artifacts.__file__).parents[3])
    arguments = [sys.executable, "-c", code, repository, str(tmp_path / "a.pkl")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["unsaved"] == {}
    loaded = load(found)
    assert loaded["add"](1) == 6
    assert loaded["box"] is loaded["same"]
    assert type(loaded["box"]) is loaded["Box"]
    assert loaded["box"].get() == [1, 1]


def test_what_is_loaded_later_leaves_the_methods_of_earlier_classes_alone(tmp_path: Path) -> None:
    code = (
        "import sys, json\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from nbprod.run.kernel import artifacts\n"
        "seen = []\n"
        "class Box:\n    def put(self, v):\n        seen.append(v)\n"
        "values = {'Box': Box, 'box': Box(), 'seen': seen}\n"
        "print(json.dumps(artifacts.save_variables(values, list(values), sys.argv[2])))\n"
    )
    repository = str(Path(artifacts.__file__).parents[3])
    arguments = [sys.executable, "-c", code, repository, str(tmp_path / "a.pkl")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    first, second = (load(json.loads(done.stdout)) for _ in range(2))
    first["box"].put(1)
    assert (first["seen"], second["seen"]) == ([1], [])
    assert type(first["box"]) is first["Box"] is not second["Box"]


def test_large_data_is_saved_without_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving 64 MiB takes less than a quarter of that in memory of its own."""
    # A process that knows a secret, from a test before, looks for it with buffers of its own.
    monkeypatch.setattr(withheld, "given", withheld.Secrets())
    values = {
        "numbers": np.arange(4 * 1024 * 1024, dtype="float64"),
        "table": pd.DataFrame(np.zeros((1024 * 1024, 4))),
    }
    values["table"][0] = values["numbers"][: 1024 * 1024]
    tracemalloc.start()
    try:
        found = save(tmp_path, **values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024, f"{peak:,} bytes"
    assert found["size"] < 1024 * 1024  # the artifact itself; its buffers lie beside it
    pd.testing.assert_frame_equal(load(found)["table"], values["table"])
