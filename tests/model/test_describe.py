"""The kernel-side description, and that it round-trips through JSON into the same frame."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest

from nbprod.model.check import check_rows
from nbprod.model.contract import contract_from_json
from nbprod.model.frame import to_frame
from nbprod.model.labels import class_key, predictions_as_json, probabilities_as_json
from tests.model_projects import load_runtime

describe = load_runtime("describe")
sampling = load_runtime("sampling")
target_of = load_runtime("target")


def contract_of(features, target=None, estimator=None):
    facts = describe.describe_frame(features, target, estimator)
    text = json.dumps(facts["contract"], allow_nan=False)
    json.dumps(facts["profile"], allow_nan=False)
    return contract_from_json(text)


def round_trip(features):
    """Describe, send as JSON, check, rebuild."""
    contract = contract_of(features)
    assert contract.unsupported == ""
    rows = json.loads(json.dumps(describe.rows_as_json(features, list(range(len(features))))))
    assert check_rows(contract, rows) == ()
    return to_frame(contract, rows)


COLUMNS = {
    "int64": pd.Series([1, 2, 2**60], dtype="int64"),
    "int8": pd.Series([1, -128, 127], dtype="int8"),
    "uint64": pd.Series([1, 2, 2**64 - 1], dtype="uint64"),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "float64": pd.Series([1.5, np.nan, -0.0]),
    "float32": pd.Series([0.1, np.nan, 3.0], dtype="float32"),
    "Float64": pd.Series([0.1, None, 3.0], dtype="Float64"),
    "bool": pd.Series([True, False, True]),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "str": pd.Series(["a", "b", "c"]),
    "str with missing": pd.Series(["a", None, "c"]),
    "string": pd.Series(["a", None, "c"], dtype="string"),
    "object text": pd.Series(["a", "b", "c"], dtype=object),
    "object text, None": pd.Series(["a", None, "c"], dtype=object),
    "object text, nan": pd.Series(["a", np.nan, "c"], dtype=object),
    "object booleans": pd.Series([True, None, False], dtype=object),
    "object numbers": pd.Series([1, 2.5, None], dtype=object),
    "category": pd.Series(["x", "y", None]).astype("category"),
    "category of numbers": pd.Series([3, 1, 3]).astype("category"),
    "ordered category": pd.Series(
        pd.Categorical(["lo", "hi", "lo"], categories=["lo", "mid", "hi"], ordered=True)
    ),
    "datetime": pd.Series(
        pd.to_datetime(["2020-01-01", None, "2021-05-06T07:08:09.123456"], format="ISO8601")
    ),
    "datetime ns": pd.Series(
        pd.to_datetime(["2020-01-01T00:00:00.000000123", None, "2021-05-06"], format="ISO8601")
    ).astype("datetime64[ns]"),
    "datetime UTC": pd.Series(pd.to_datetime(["2020-01-01", "2021-05-06", None], utc=True)),
    "datetime zoned": pd.Series(pd.to_datetime(["2020-01-01", "2021-07-06", "2022-01-01"]))
    .dt.tz_localize("Europe/Berlin"),
    "all missing": pd.Series([None, None, None], dtype=object),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_frame_comes_back_with_its_dtypes_and_values(name):
    frame = pd.DataFrame({"first": [1, 2, 3], name: COLUMNS[name]})
    pd.testing.assert_frame_equal(round_trip(frame), frame)


def test_the_kind_of_missing_value_in_objects_comes_back():
    frame = pd.DataFrame({"a": pd.Series(["x", None], dtype=object),
                          "b": pd.Series(["x", np.nan], dtype=object)})  # fmt: skip
    back = round_trip(frame)
    assert back["a"][1] is None
    assert isinstance(back["b"][1], float)


def test_whole_number_column_names_come_back_as_numbers():
    frame = pd.DataFrame(np.arange(6.0).reshape(3, 2))
    assert [column.name for column in contract_of(frame).columns] == ["0", "1"]
    assert list(round_trip(frame).columns) == [0, 1]


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.5, np.nan], [2, 3]]),
        np.array([[1, 2], [3, 4]], dtype="int16"),
        np.array([[True, False]]),
        np.array([["a", "b"], ["c", "dd"]]),
        np.array([["a", 1.5], ["b", None]], dtype=object),
        np.array([[0.1, 0.2]], dtype="float32"),
    ],
    ids=["float", "int16", "bool", "text", "object", "float32"],
)
def test_an_array_comes_back(array):
    back = round_trip(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "texts",
    [["a", "b"], np.array(["a", "b"], dtype=object), np.array(["a", "bc"]), pd.Series(["a", "b"])],
    ids=["list", "object array", "text array", "series"],
)
def test_texts_come_back_in_their_container(texts):
    back = round_trip(texts)
    assert type(back) is type(texts)
    assert list(back) == list(texts)


def test_dicts_come_back_without_the_keys_they_lack():
    rows = [{"a": 1, "b": "x"}, {"a": 2}]
    assert round_trip(rows) == rows


def test_a_list_of_rows_is_an_array():
    assert round_trip([[1, 2], [3, 4]]) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "same name: a"),
        (pd.DataFrame({("a", "b"): [1]}), "rename the columns"),
        (pd.DataFrame({"a": ["x", 1]}, dtype=object), "column 'a' holds values of the types int"),
        (pd.DataFrame({"a": [1 + 2j]}), "complex128"),
        (pd.DataFrame({"a": pd.to_timedelta([1], unit="s")}), "timedelta64"),
        (pd.DataFrame({"a": pd.cut([1, 2, 3], 2)}), "turn them into text"),
        (pd.DataFrame({"a": [[1], [2]]}), "list"),
        (np.zeros((2, 3, 3)), "3 dimensions"),
        (np.zeros(3), "kind number"),
        (object(), "builtins.object"),
        ([], "no rows"),
        ([[1], [1, 2]], "different lengths"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(features, says):
    contract = describe.describe_frame(features)["contract"]
    assert says in contract["unsupported"]


def test_sparse_is_refused():
    from scipy.sparse import csr_matrix

    contract = describe.describe_frame(csr_matrix(np.eye(3)))["contract"]
    assert "sparse" in contract["unsupported"]
    assert sampling.choose_rows(csr_matrix(np.eye(3))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        (pd.Series([1, 0, 2]), "classification", [0, 1, 2]),
        (pd.Series([True, False]), "classification", [False, True]),
        (["b", "a"], "classification", ["a", "b"]),
        (pd.Series([1.5, 2.5]), "regression", None),
        (pd.Series(["x", "y"]).astype("category"), "classification", ["x", "y"]),
        (None, "other", None),
    ],
)
def test_the_target_tells_the_task_and_the_classes_with_their_type(target, task, classes):
    found = target_of.describe_target(target)
    assert (found["task"], found["classes"]) == (task, classes)
    assert [type(label) for label in found["classes"] or ()] == [
        type(label) for label in classes or ()
    ]


def test_the_estimator_knows_better_than_the_target():
    from sklearn.dummy import DummyClassifier, DummyRegressor

    counts = pd.Series([1, 2, 3])
    assert target_of.describe_target(counts, DummyRegressor())["task"] == "regression"
    labels = pd.Series([0.0, 1.0])
    found = target_of.describe_target(labels, DummyClassifier().fit([[1], [2]], labels))
    assert found["classes"] == [0.0, 1.0]
    assert type(found["classes"][0]) is float


def test_several_outputs():
    target = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    found = target_of.describe_target(target)
    assert (found["task"], found["outputs"], found["classes"]) == ("regression", 2, None)


def test_chosen_rows_cover_classes_missing_values_and_categories():
    count = 30_000
    frame = pd.DataFrame({"n": np.arange(count, dtype=float), "s": ["common"] * count})
    frame.loc[20_001, "n"] = np.nan
    frame.loc[20_002, "s"] = "rare"
    frame.loc[20_003, "s"] = None
    target = pd.Series(np.zeros(count, dtype=int))
    target[20_004] = 7
    chosen = sampling.choose_rows(frame, target)
    assert {20_001, 20_002, 20_003, 20_004} <= set(chosen)
    assert len(chosen) == 1000 == len(set(chosen))
    assert chosen == sorted(chosen) == sampling.choose_rows(frame, target)


def test_few_rows_are_all_taken():
    assert sampling.choose_rows(pd.DataFrame({"a": [1, 2]})) == [0, 1]


def test_taken_rows_are_a_copy():
    frame = pd.DataFrame({"a": [1, 2, 3]})
    taken = describe.take_rows(frame, [0, 2])
    taken.iloc[0, 0] = 99
    assert list(frame["a"]) == [1, 2, 3]


def test_profile_holds_no_raw_rows_and_stays_small():
    count = 5000
    frame = pd.DataFrame({"id": [f"person-{n}" for n in range(count)], "x": np.arange(count)})
    profile = describe.describe_frame(frame)["profile"]
    ids, numbers = profile["columns"]
    assert len(ids["values"]) <= 64
    assert ids["other"] == count - 63
    assert sum(numbers["histogram"]["counts"]) == count
    assert numbers["quantiles"]["0.5"] == pytest.approx(2499.5)


def test_300_000_rows_are_described_quickly():
    count = 300_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{index}": rng.normal(size=count) for index in range(10)})
    frame["s"] = rng.choice(["a", "b"], count)
    started = time.process_time()
    describe.describe_frame(frame, pd.Series(rng.choice([0, 1], count)))
    assert time.process_time() - started < 1.5  # 0.2 s alone; the machine may be busy


def test_the_kernel_and_the_service_write_answers_the_same_way():
    classes = np.array([False, True])
    predictions = np.array([True, False])
    table = np.array([[0.25, 0.75], [1.0, 0.0]])
    kernel = describe.outputs_as_json(predictions, table, classes)
    assert kernel["predictions"] == predictions_as_json(predictions)
    assert kernel["probabilities"] == probabilities_as_json(list(classes), table)
    assert list(kernel["probabilities"][0]) == ["false", "true"]
    for label in (True, 1, 1.5, "a"):
        assert describe.class_key(label) == class_key(label)
