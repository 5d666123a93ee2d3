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


def unkept(variables: dict[str, Any]) -> set[str]:
    walks = fingerprint.walks(variables, variables)
    return set(hidden_sharing.unkept(variables, walks, [list(variables)]))


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame)


@pytest.mark.parametrize(
    ("given", "make"),
    [
        (np.arange(6.0), pa.array),
        (np.arange(6.0), lambda array: [pa.array(array[2:4])]),
        (np.arange(6.0).reshape(3, 2), cKDTree),
        (np.asfortranarray(np.arange(6.0).reshape(3, 2)), lambda array: pa.array(array[:, 1])),
        (np.zeros((4, 4), "uint8"), Image.fromarray),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), table),
        (pd.Series([1.0, 2.0]), lambda series: pa.array(series.to_numpy())),
    ],
)
def test_what_shows_memory_is_found_and_nothing_changes(given: Any, make: Any) -> None:
    before = given.copy()
    assert unkept({"given": given, "made": make(given)}) == {"made"}
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize(
    "make",
    [
        lambda array: pa.array(array.copy()),
        lambda array: cKDTree(array.reshape(3, 2), copy_data=True),
        lambda array: NearestNeighbors(algorithm="kd_tree").fit(array.reshape(3, 2)),  # is kept
        lambda array: array.reshape(3, 2),
        lambda array: pd.Series(array),
    ],
)
def test_what_has_memory_of_its_own_or_says_whose_is_kept(make: Any) -> None:
    array = np.arange(6.0)
    assert unkept({"array": array, "made": make(array)}) == set()


def test_memory_that_came_from_an_artifact_is_looked_at_and_that_of_files_is_not(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "x.pkl")
    large = {"large": np.arange(1_000_000.0)}
    saved = artifacts.save_variables(large, ["large"], path, scope=large)
    found = artifacts.load_variables(path, saved["sha256"], scope={})["variables"]["large"]
    assert unkept({"large": found, "made": pa.array(found)}) == {"made"}
    shown = np.memmap(tmp_path / "file", dtype="float64", mode="w+", shape=(4,))
    # Its bytes are the file's: somebody else might see them turned over.
    assert unkept({"shown": shown, "made": pa.array(np.asarray(shown))}) == set()
