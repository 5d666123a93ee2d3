"""Functions that count as objects are one for all steps; those that are only called are not."""

from __future__ import annotations

import pytest

DEFINED = ("x = sum([1])\ndef f(v=0):\n    return x + v", "step:load")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("names = {f: 1}", "print(names.get(f))"),
        ("todo = [f]", "print(f in todo)"),
        ("hooks = []\nhooks.append(f)", "hooks.remove(f)"),
        ("best = f", "print(best is f)"),
    ],
)
def test_a_function_that_is_kept_and_found_again_is_a_variable(built, first, second):
    """One step makes it; the other is handed the very object."""
    pipeline, _ = built(DEFINED, (first, "step:load"), (second, "step:use"))
    load, use = pipeline.steps
    assert "f" in {each.name for each in load.outputs}
    assert "f" in {each.name for each in use.inputs}
    assert not any(each.name == "f" for each in pipeline.definitions)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("y = f(1)", "print(f(2))"),
        ("y = list(map(f, [1]))", "print(sorted([1], key=f))"),
        ("names = {f: 1}\nprint(names[f])", "print(f(2))"),
    ],
)
def test_a_function_that_is_only_called_is_repeated(built, first, second):
    """Calling one is like calling the other: the steps need nothing from one another."""
    pipeline, _ = built(DEFINED, (first, "step:load"), (second, "step:use"))
    load, use = pipeline.steps
    assert "f" not in {each.name for each in load.outputs}
    assert use.definitions == ("f",)
