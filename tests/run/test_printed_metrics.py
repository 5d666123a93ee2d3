"""What counts as a metric among the lines that a metrics cell prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.run.printed_metrics import printed_metrics


@pytest.mark.parametrize(
    ("line", "metrics"),
    [
        ("accuracy: 0.93", {"accuracy": 0.93}),
        ("accuracy 0.93", {"accuracy": 0.93}),
        ("f1 = 1e-3", {"f1": 0.001}),
        ("Test accuracy (mean): 93.5 %", {"Test_accuracy_mean": 0.935}),
        ("rows 120", {"rows": 120}),
        ("delta: -007", {"delta": -7}),
        ("passed: True", {"passed": True}),
        ("{'a': 1, 'b': 0.5, 'c': 'text', 'd': [1]}", {"a": 1, "b": 0.5}),
        ('{"a": 1}', {"a": 1}),
        ("Epoch 3 of 7: loss 0.4", {}),
        ("0.93", {}),
        ("the best of them is 0.93", {}),
        ("kind: best", {}),
        ("range 1 - 3", {}),
        ("{'a': __import__('os')}", {}),
    ],
)
def test_lines(line, metrics):
    found = printed_metrics(f"before\n{line}\n\n")
    assert found == metrics
    assert [type(value) for value in found.values()] == [type(value) for value in metrics.values()]


def test_the_last_of_a_name_counts():
    assert printed_metrics("loss: 3\nloss: 2\n") == {"loss": 2}


@given(st.text())
def test_any_text_is_read(text):
    for name, value in printed_metrics(text).items():
        assert name
        assert isinstance(value, bool | int | float)
