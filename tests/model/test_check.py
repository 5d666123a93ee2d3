"""Whatever JSON arrives: errors, or a frame; never an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprod.errors import UsageError
from nbprod.model.check import check_rows
from nbprod.model.contract import (
    Column,
    Contract,
    contract_as_json,
    contract_from_json,
    example_row,
)
from nbprod.model.frame import to_frame
from nbprod.model.row_schema import row_schema

CONTRACT = Contract(
    task="classification",
    input="frame",
    columns=(
        Column("i", "integer", "int8"),
        Column("I", "integer", "Int64", nullable=True, absent="na"),
        Column("f", "number", "float64", nullable=True),
        Column("g", "number", "float32"),
        Column("b", "boolean", "bool"),
        Column("s", "string", "str", nullable=True),
        Column("o", "string", "object", nullable=True, absent="none"),
        Column("c", "category", "category", nullable=True, categories=("x", 1)),
        Column("d", "datetime", "datetime64[ns]", nullable=True),
        Column("z", "datetime", "datetime64[us, Europe/Berlin]"),
    ),
    classes=(0, 1),
)
GOOD = {
    "i": 1, "I": None, "f": 1.5, "g": 2, "b": True, "s": "a", "o": None, "c": "x",
    "d": "2020-01-01", "z": "2020-01-01T00:00:00Z",
}  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["x", "2020-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00+14:00"])
    | st.datetimes(timezones=st.none() | st.timezones()).map(lambda moment: moment.isoformat())
    | st.sampled_from([2**63, -(2**200), 10**400, 1e300, 1e39, -0.0])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def codes(**changes: object) -> list[tuple[str | None, str]]:
    return [(error.column, error.code) for error in check_rows(CONTRACT, [{**GOOD, **changes}])]


def test_good_rows_pass_and_become_the_frame_of_fit():
    assert codes() == []
    frame = to_frame(CONTRACT, [GOOD])
    assert [str(dtype) for dtype in frame.dtypes] == [column.dtype for column in CONTRACT.columns]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("i", 128, "too-large"),
        ("i", 1.5, "wrong-type"),
        ("i", True, "wrong-type"),
        ("i", "1", "wrong-type"),
        ("i", None, "null"),
        ("f", float("nan"), "not-finite"),
        ("f", 10**400, "too-large"),
        ("g", 1e39, "too-large"),
        ("f", False, "wrong-type"),
        ("b", 1, "wrong-type"),
        ("s", 1, "wrong-type"),
        ("s", ["a"], "wrong-type"),
        ("c", "y", "unknown-category"),
        ("c", True, "unknown-category"),
        ("c", {}, "wrong-type"),
        ("d", "yesterday", "not-a-datetime"),
        ("d", "2020-01-01T00:00:00Z", "time-zone"),
        ("d", "1066-10-14", "too-large"),
        ("d", 0, "wrong-type"),
        ("z", "2020-01-01T00:00:00", "time-zone"),
    ],
)
def test_each_rule_names_the_column(column, value, code):
    assert codes(**{column: value}) == [(column, code)]


def test_a_whole_float_is_an_integer():
    assert codes(i=3.0) == []
    assert to_frame(CONTRACT, [{**GOOD, "i": 3.0}])["i"].tolist() == [3]


def test_every_error_is_listed_with_its_row():
    rows = [GOOD, 5, {**GOOD, "i": "x", "f": "y", "extra": 1}, {"i": 1}]
    errors = check_rows(CONTRACT, rows)
    assert [(error.row, error.column, error.code) for error in errors][:4] == [
        (1, None, "not-an-object"),
        (2, "i", "wrong-type"),
        (2, "f", "wrong-type"),
        (2, "extra", "unknown-column"),
    ]
    missing = [error.column for error in errors if error.row == 3]
    assert missing == [column.name for column in CONTRACT.columns[1:]]


@pytest.mark.parametrize("rows", [None, 5, "rows", {}, True])
def test_rows_must_be_a_list(rows):
    assert [error.code for error in check_rows(CONTRACT, rows)] == ["not-a-list"]


def test_no_rows():
    assert [error.code for error in check_rows(CONTRACT, [])] == ["no-rows"]


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(GOOD, scalars)), max_size=3) | anything)
@settings(max_examples=300, deadline=None)
def test_whatever_arrives_is_refused_or_becomes_a_frame(rows):
    errors = check_rows(CONTRACT, rows)
    json.dumps([error.message for error in errors])
    if not errors:
        assert len(to_frame(CONTRACT, rows)) == len(rows)


# One column at a time: else hardly a random row would pass.
@pytest.mark.parametrize("column", list(GOOD))
@given(value=scalars)
@settings(max_examples=150, deadline=None)
def test_a_value_that_passes_the_check_fits_the_dtype(column, value):
    row = {**GOOD, column: value}
    if not check_rows(CONTRACT, [row]):
        frame = to_frame(CONTRACT, [row, GOOD])
        assert str(frame[column].dtype) == str(to_frame(CONTRACT, [GOOD])[column].dtype)


def test_contract_round_trips_through_json():
    assert contract_from_json(contract_as_json(CONTRACT)) == CONTRACT


def test_what_is_no_contract_is_an_error():
    with pytest.raises(UsageError, match="contract cannot be read"):
        contract_from_json(b'{"columns": 3}')


def test_the_example_row_passes():
    contract = Contract(
        "regression", "frame", tuple(Column(c.name, c.kind, c.dtype, categories=c.categories)
                                     for c in CONTRACT.columns[:-1]),
    )  # fmt: skip
    assert check_rows(contract, [example_row(contract)]) == ()


def test_the_json_schema_agrees_with_the_check():
    from jsonschema import Draft202012Validator

    schema = row_schema(CONTRACT)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(GOOD)
    for wrong in ({**GOOD, "i": "x"}, {**GOOD, "c": "y"}, {**GOOD, "extra": 1}, {"i": 1}):
        assert not validator.is_valid(wrong)
