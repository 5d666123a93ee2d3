from __future__ import annotations

import datetime
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.errors import UsageError
from nbprod.pipeline.ir import Parameter, Pipeline, Source
from nbprod.run.injection import inject_parameters
from nbprod.run.literals import literal
from nbprod.run.parameter_types import check_value, evaluate, parse_text
from nbprod.run.parameters import changed_parameters, resolve_parameters

PIPELINE = Pipeline(
    "p",
    "p",
    Source("p.ipynb", ""),
    parameters=(
        Parameter("lr", "float", "0.1"),
        Parameter("depth", "int", "3"),
        Parameter("label", "str", "'x'"),
        Parameter("verbose", "bool", "False"),
        Parameter("bands", "tuple[float, ...]", "(0.0, 1.0)"),
        Parameter("since", "datetime.date", "datetime.date(2024, 1, 1)"),
        Parameter("limit", "int | None", "None"),
        Parameter("kind", "Literal['a', 'b']", "'a'"),
        Parameter("seen", "Any", "len('abc')"),
    ),
)


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("01234", "str", "01234"),
        ("01234", "int", 1234),
        ("true", "bool", True),
        ("No", "bool", False),
        ("1", "float", 1.0),
        ("true", "str", "true"),
        ("None", "Optional[int]", None),
        ("7", "Optional[int]", 7),
        ("none", "str", "none"),
        ("1,2,3", "list[int]", [1, 2, 3]),
        ("(1, 2)", "tuple[int, int]", (1, 2)),
        ("[0.5, 1]", "tuple[float, ...]", (0.5, 1.0)),
        ('{"a": 1}', "dict[str, int]", {"a": 1}),
        ("{1: 'x'}", "dict", {1: "x"}),
        ("2024-02-29", "date", datetime.date(2024, 2, 29)),
        ("2024-02-29T10:00:00", "datetime.datetime", datetime.datetime(2024, 2, 29, 10)),
        ("data/x.csv", "Path", Path("data/x.csv")),
        ("b", 'Literal["a", "b"]', "b"),
        ("2", "Literal[1, 2]", 2),
        ("a,b", "list[str]", ["a", "b"]),
        ("1,2", "list[str]", ["1", "2"]),
        ("'a','b'", "list[str]", ["a", "b"]),
        ("2,b", "tuple[int, str]", (2, "b")),
        ("1,2,3", "tuple[int, ...]", (1, 2, 3)),
        ("7", 'Annotated[int, "how many"]', 7),
        ("7", "Final[int]", 7),
        ("none", "Literal['none', 'mean'] | None", "none"),
        ("None", "Literal['none', 'mean'] | None", None),
        ("x", "int | str", "x"),
        ("5", "int | str", 5),
        ("a=b", "str", "a=b"),
    ],
)
def test_text_becomes_a_value_of_the_declared_type(
    text: str, annotation: str, value: object
) -> None:
    found = parse_text(text, annotation)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("1.5", "int"),
        ("1.5", 'Annotated[int, "how many"]'),
        ("maybe", "bool"),
        ("x", "float"),
        ("c", "Literal['a', 'b']"),
        ("1,2", "dict[str, int]"),
        ("2024-13-01", "date"),
        ("(1, 2, 3)", "tuple[int, int]"),
        ("[1, 'x']", "list[int]"),
    ],
)
def test_text_of_another_type_is_refused(text: str, annotation: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_text(text, annotation)


def test_yaml_values_are_checked_and_not_mangled() -> None:
    assert check_value([1, 2], "tuple[int, int]") == (1, 2)
    assert check_value({1: 2}, "dict[int, int]") == {1: 2}
    assert check_value(1, "float") == 1.0
    assert check_value("1e-3", "float") == 0.001  # a text to YAML 1.1, which misses the point
    assert isinstance(check_value(1, "float | int"), int)
    for value, annotation in ((True, "int"), (1.0, "int"), ("1", "int"), (1, "str"), (1, "bool")):
        with pytest.raises(ValueError, match="expected"):
            check_value(value, annotation)


def test_precedence() -> None:
    environment = {"NBPROD_PARAM_lr": "0.2", "NBPROD_PARAM_depth": "4", "HOME": "/"}
    found = resolve_parameters(
        PIPELINE, [("lr", "0.4")], [{"lr": 0.3, "label": "file"}], environment
    )
    assert (found["lr"], found["depth"], found["label"], found["verbose"]) == (
        0.4,
        4,
        "file",
        False,
    )
    assert found["since"] == datetime.date(2024, 1, 1)
    assert "seen" not in found  # the notebook computes it
    assert changed_parameters(PIPELINE, found) == {"lr": 0.4, "depth": 4, "label": "file"}


def test_unknown_parameter_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        resolve_parameters(PIPELINE, [("dept", "4")], environment={})
    assert "Did you mean depth?" in caught.value.message
    assert "lr: float = 0.1" in caught.value.fix
    with pytest.raises(UsageError, match="NBPROD_PARAM_lt"):
        resolve_parameters(PIPELINE, environment={"NBPROD_PARAM_lt": "1"})
    with pytest.raises(UsageError, match=r"Did you mean NBPROD_PARAM_depth\?"):
        resolve_parameters(PIPELINE, environment={"NBPROD_PARAM_DEPTH": "1"})


def test_mistyped_parameter_names_type_and_source() -> None:
    with pytest.raises(
        UsageError, match=r"depth does not take '1\.5' \(from the command line\)"
    ) as caught:
        resolve_parameters(PIPELINE, [("depth", "1.5")], environment={})
    assert "depth: int = 3" in caught.value.fix
    with pytest.raises(UsageError, match="kind"):
        resolve_parameters(PIPELINE, files=[{"kind": "z"}], environment={})


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.builds(Path, st.text("abc/.", min_size=1))
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.integers()), inner)
    ),
    max_leaves=8,
)


@given(_VALUES)
def test_literals_give_the_value_back(value: object) -> None:
    found = eval(literal(value), {})
    assert found == value
    assert type(found) is type(value)


def test_literal_of_nan_and_of_what_it_cannot_write() -> None:
    assert math.isnan(eval(literal(float("nan"))))
    assert evaluate("float('inf')") == math.inf
    with pytest.raises(TypeError):
        literal(object())


def test_injected_cell_stands_after_the_parameters_and_replaces_an_old_one() -> None:
    from nbformat import v4

    nb = v4.new_notebook(cells=[v4.new_code_cell("import os"), v4.new_code_cell("x = 1")])
    nb.cells[1].metadata["tags"] = ["parameters"]
    for value in ((1, 2), datetime.date(2024, 1, 2)):
        inject_parameters(nb, {"x": value})
    assert [cell.source for cell in nb.cells] == [
        "import os",
        "x = 1",
        '# Parameters\nx = __import__("datetime").date(2024, 1, 2)',
    ]
    assert nb.cells[2].metadata["tags"] == ["injected-parameters"]
    assert nb.metadata.papermill["parameters"] == {"x": "2024-01-02"}
