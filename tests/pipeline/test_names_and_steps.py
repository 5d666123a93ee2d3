"""What closures and interrupted steps need from each other, and how to mend what is refused."""

from __future__ import annotations

import re

import pytest


def passed(built, *cells):
    """Return inputs and outputs of each step; every cell is one."""
    pipeline, diagnostics = built(*((cell, f"step:s{n}") for n, cell in enumerate(cells)))
    assert pipeline is not None, diagnostics
    return [
        ({each.name for each in step.inputs}, {each.name for each in step.outputs})
        for step in pipeline.steps
    ]


def test_a_closure_changes_its_own_variable_not_a_namesake(built):
    steps = passed(
        built,
        "def make():\n    rows = []\n    def add(v):\n        rows.append(v)\n"
        "        return rows\n    return add\nrows = [1]\nadd = make()",
        "add(2)",
        "print(add(3), rows)",
    )
    assert steps[1] == ({"add"}, {"add"})


def test_a_counter_is_kept_where_the_notebook_has_a_variable_of_the_same_name(built):
    steps = passed(
        built,
        "def counter():\n    n = 0\n    def count():\n        nonlocal n\n        n += 1\n"
        "        return n\n    return count\nn = len('x')\ncount = counter()",
        "count()",
        "print(count(), n)",
    )
    assert steps[1] == ({"count"}, {"count"})


@pytest.mark.parametrize(
    "definition",
    [
        "def holder(k):\n    return lambda: k.append(1)\nadd = holder(rows)",
        "def holder(k):\n    def f():\n        return lambda: k.append(1)\n    return f\n"
        "add = holder(rows)()",
    ],
    ids=["one deep", "two deep"],
)
def test_a_closure_changes_what_its_maker_was_given(built, definition):
    steps = passed(built, f"rows = []\n{definition}", "add()", "print(rows)")
    assert steps[1] == ({"add", "rows"}, {"rows"})


def test_a_function_reads_the_notebooks_variable_not_its_callers(built):
    steps = passed(
        built,
        "def f():\n    return lambda: x\ndef g(x):\n    return f()\nx = len('x')",
        "h = g(1)",
        "print(h())",
    )
    assert steps[2][0] == {"h", "x"}


def test_a_comprehension_s_functions_lead_to_what_it_runs_over(built):
    steps = passed(
        built,
        "parts = [[1], [2]]\nprint(parts)",
        "fs = [lambda: part.append(1) for part in parts]",
        "fs[0]()",
        "print(parts)",
    )
    assert "parts" in steps[2][1]


def test_a_suppressed_error_leaves_the_earlier_value(built):
    steps = passed(
        built,
        "import contextlib\nx = len('x')",
        "with contextlib.suppress(ValueError):\n    x = int('a')\nprint(x)",
    )
    assert steps[1][0] == {"x"}


INTERRUPTED = ["k = 2\nfs = {'mul': lambda x: x * k}", "print(1)", "k = 5", "print(fs['mul'](3))"]


@pytest.mark.parametrize("names", ["abcd", "abca", "abaa"])
def test_what_is_said_to_mend_inseparable_steps_mends_them(built, names):
    _, diagnostics = built(
        *((cell, f"step:{name}") for cell, name in zip(INTERRUPTED, names, strict=True))
    )
    (found,) = (each for each in diagnostics if each.code == "steps-inseparable")
    assert "Steps a and a" not in found.message
    told = {int(number) for number in re.findall(r"\d+", found.fix)}
    mended = [
        (cell, f"step:{'a' if number in told else name}")
        for number, (cell, name) in enumerate(zip(INTERRUPTED, names, strict=True), start=1)
    ]
    pipeline, diagnostics = built(*mended)
    assert pipeline is not None
    assert not [each for each in diagnostics if each.code == "steps-inseparable"]
