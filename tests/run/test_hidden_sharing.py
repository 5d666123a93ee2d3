"""Objects of libraries that show an array's memory without saying so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from nbprod.run.kernel import artifacts, fingerprint, hidden_sharing


def found(variables: dict[str, Any]) -> list[tuple[str, str]]:
    """Return which variables show whose memory."""
    walks = fingerprint.walks(variables, variables)
    return [(holder, name) for holder, name, _ in hidden_sharing.found(walks)]


def again(variables: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what another kernel has of variables."""
    path = str(folder / "x.pkl")
    saved = artifacts.save_variables(variables, list(variables), path, scope=variables)
    loaded: dict[str, Any] = artifacts.load_variables(path, saved["sha256"], scope={})["variables"]
    return loaded


def parted(variables: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Any]:
    """Return what another kernel has of variables, and what watches them there."""
    shown = hidden_sharing.found(fingerprint.walks(variables, variables))
    loaded, watch = again(variables, folder), hidden_sharing.Parted()
    watch.watch(loaded, shown)
    return loaded, watch


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame)


SHOWING = [
    (np.arange(6.0), pa.array),
    (np.arange(6.0), lambda array: [pa.array(array[2:4])]),
    (np.arange(6.0).reshape(3, 2), cKDTree),
    (np.asfortranarray(np.arange(6.0).reshape(3, 2)), lambda array: pa.array(array[:, 1])),
    (np.zeros((4, 4), "uint8"), Image.fromarray),
    (pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), table),
    (pd.Series([1.0, 2.0]), lambda series: pa.array(series.to_numpy())),
    ({"a": [np.arange(6.0)]}, lambda held: pa.array(held["a"][0])),
    (np.arange(3, dtype="int32"), lambda array: pa.ListArray.from_arrays(pa.array(array), [7, 8])),
    (np.arange(3.0), lambda array: pa.table({"a": pa.array([0, 2]).cast("int8"), "b": array[1:]})),
]


@pytest.mark.parametrize(("given", "make"), SHOWING)
def test_what_shows_memory_is_found_and_nothing_changes(given: Any, make: Any) -> None:
    before = fingerprint.fingerprint(given)[0]
    assert found({"given": given, "made": make(given)}) == [("made", "given")]
    assert fingerprint.fingerprint(given)[0] == before


@pytest.mark.parametrize(
    "make",
    [
        lambda array: pa.array(array.copy()),
        lambda array: cKDTree(array.reshape(3, 2), copy_data=True),
        lambda array: NearestNeighbors(algorithm="kd_tree").fit(array.reshape(3, 2)),  # is kept
        lambda array: array.reshape(3, 2),
        lambda array: pd.Series(array),
        lambda array: pd.DataFrame({"text": list("abc")}),
    ],
)
def test_what_has_memory_of_its_own_or_says_whose_is_kept(make: Any) -> None:
    array = np.arange(6.0)
    assert found({"array": array, "made": make(array)}) == []


def test_one_variable_may_hold_both() -> None:
    array = np.arange(6.0)
    assert found({"both": [array, pa.array(array)]}) == [("both", "both")]


def test_memory_that_came_from_an_artifact_is_looked_at_and_that_of_files_is_not(
    tmp_path: Path,
) -> None:
    large = again({"large": np.arange(1_000_000.0)}, tmp_path)["large"]
    assert found({"large": large, "made": pa.array(large)}) == [("made", "large")]
    shown = np.memmap(tmp_path / "file", dtype="float64", mode="w+", shape=(4,))
    # Its bytes are the file's: somebody else might see them turned over.
    assert found({"shown": shown, "made": pa.array(np.asarray(shown))}) == []


@pytest.mark.parametrize(("given", "make"), SHOWING)
def test_another_kernel_sees_who_writes_into_memory_that_was_shown(
    given: Any, make: Any, tmp_path: Path
) -> None:
    loaded, watch = parted({"given": given, "made": make(given)}, tmp_path)
    assert watch.overwritten() == []
    value = loaded["given"]
    if isinstance(value, dict):
        value["a"][0][3] = 7
    elif isinstance(value, np.ndarray):
        value[-1, ...] += 7
    else:
        value.iloc[:1] *= 7
    assert watch.overwritten() == [("given", "made")]


def test_what_is_bound_anew_is_no_change_of_memory(tmp_path: Path) -> None:
    array = np.arange(6.0)
    loaded, watch = parted({"array": array, "made": pa.array(array)}, tmp_path)
    walks = fingerprint.walks(loaded, loaded)
    assert [each[:2] for each in watch.still(walks)] == [("made", "array")]
    loaded["array"] = loaded["array"] * 2
    assert watch.overwritten() == []
    assert watch.still(fingerprint.walks(loaded, loaded)) == []


def test_other_arrays_of_a_variable_may_change(tmp_path: Path) -> None:
    held = {"shown": np.arange(6.0), "other": np.arange(3.0)}
    loaded, watch = parted({"held": held, "made": pa.array(held["shown"])}, tmp_path)
    loaded["held"]["other"][0] = 9
    assert watch.overwritten() == []
    loaded["held"]["shown"][0] = 9
    assert watch.overwritten() == [("held", "made")]
