"""Artifacts: what goes in comes out, large data without copies, nothing that was changed."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.run.kernel import artifacts, blobs
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


def test_a_blob_that_was_changed_is_not_loaded(tmp_path: Path) -> None:
    found = save(tmp_path, n=np.arange(90_000))
    (blob,) = (tmp_path / "blobs").iterdir()
    data = bytearray(blob.read_bytes())
    data[8] ^= 1
    blob.write_bytes(data)
    with pytest.raises(ValueError, match="was changed after the run"):
        load(found)


def test_what_is_no_text_is_left_to_pickle() -> None:
    lists = np.empty(2000, dtype=object)
    lists[:] = [[1] for _ in range(2000)]
    assert blobs.reduce_objects(lists) is None
    assert blobs.reduce_objects(np.arange(5000)) is None


def test_what_sets_no_state_keeps_its_attributes(tmp_path: Path) -> None:
    from sklearn.datasets import load_iris  # its __setstate__ does nothing

    iris = load_iris()
    iris["note"] = "wild"
    loaded = load(save(tmp_path, iris=iris, own=iris))
    assert fingerprint(loaded["iris"])[0] == fingerprint(iris)[0]
    assert loaded["own"] is loaded["iris"]
    assert vars(loaded["iris"]) == vars(iris)
