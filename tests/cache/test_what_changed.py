"""One thing changes at a time: what depends on it runs again, and nothing else."""

from __future__ import annotations

import pytest

from nbprod.errors import UserCodeError

pytestmark = pytest.mark.slow

STEPS = (
    ("scale: float = 2.0\nrate: float = 0.5", ["parameters"]),
    "import json\nfrom pathlib import Path",
    ("numbers = json.loads(Path('numbers.json').read_text())\nprint(numbers)", ["step:load"]),
    ("doubled = [each * scale for each in numbers]\nprint('doubled', doubled)", ["step:scale"]),
    (
        "def total(values):\n    return sum(values)\n\n\nsquares = [x * x for x in numbers]",
        ["step:square"],
    ),
    (
        "result = total(doubled) * rate + total(squares)\nprint('result', result)",
        ["step:add", "metrics"],
    ),
)


@pytest.fixture
def sums(place):
    (place.folder / "numbers.json").write_text("[1, 2, 3]")
    place.write(*STEPS)
    first = place.run()
    assert first.computed == {"load", "scale", "square", "add"}
    assert not first.warnings
    return place


def test_nothing(sums):
    found = sums.same()
    assert found.computed == set()
    assert found.record.metrics["result"] == 20.0
    marks = [cell.metadata.get("nbprod", {}).get("cached") for cell in found.cells]
    assert set(marks[2:]) == {found.record.steps[-1].cached}


def test_a_comment(sums):
    sums.change(3, "numbers = ", "# what we have\nnumbers =  ")
    assert sums.same().computed == set()


def test_a_parameter(sums):
    assert sums.same(("rate", "0.25")).computed == {"add"}
    assert sums.same(("scale", "3")).computed == {"scale", "add"}
    assert sums.same(("rate", "0.25")).computed == set()


def test_a_files_content(sums):
    (sums.folder / "numbers.json").write_text("[1, 2, 4]")
    assert sums.same().computed == {"load", "scale", "square", "add"}
    (sums.folder / "numbers.json").write_text("[1, 2, 3]")
    assert sums.same().computed == set()


def test_a_file_that_says_the_same(sums):
    (sums.folder / "numbers.json").write_text("[1,  2,  3]")
    assert sums.same().computed == {"load"}  # what it gives is the same


def test_a_definition(sums):
    sums.change(5, "return sum(values)", "return sum(values) + 1")
    found = sums.same()
    assert found.warnings == []
    assert found.computed == {"square", "add"}


def test_a_step_in_the_middle(sums):
    sums.change(4, "each * scale", "each * scale + 1")
    assert sums.same().computed == {"scale", "add"}


def test_the_last_step(sums):
    sums.change(6, "* rate", "* rate * 2")
    found = sums.same()
    assert found.computed == {"add"}
    assert not found.warnings


def test_an_environment_variable_that_libraries_read(sums, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert sums.run().cached == set()


def test_a_missing_import_is_seen(sums):
    sums.change(2, "import json\n", "import json as json\n")
    assert sums.same().warnings == []


def test_steps_that_failed_are_not_kept(sums):
    sums.change(5, "for x in numbers", "for x in numbers if 1 / (x - 1)")
    with pytest.raises(UserCodeError, match="ZeroDivisionError"):
        sums.run()
    with pytest.raises(UserCodeError, match="ZeroDivisionError"):
        sums.run()
    sums.change(5, " if 1 / (x - 1)", "")
    assert sums.same().computed == set()
