"""Step functions replayed in real processes against a real captured run."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.errors import UsageError
from nbprod.origin import Origin
from nbprod.pipeline.ir import DefinitionKind, Parameter
from nbprod.run.execute import RunRequest, execute
from nbprod.run.kernel import drawn
from nbprod.run.printed import cleared_difference, printed_difference
from nbprod.run.replay import ReplayRequest, StepReplay, replay

CELLS = [
    ("parameters", "n: int = 3"),
    "class Box:\n    def __init__(self, v):\n        self.v = v\n\ndef twice(v):\n    return v * 2",
    ("step:load", "import random\nrandom.seed(n)\ndata = {'a': [n, 2.0]}\nbox = Box(data['a'])"),
    ("step:grow", "box.v.append(twice(random.random()))\nprint('grown', len(box.v))\nbig = box"),
    ("step:sum", "total = sum(data['a'])"),
]
FLOW = {
    "load": ([], ["data", "box"]),
    "grow": (["data", "box"], ["data", "box", "big"]),
    "sum": (["data"], ["total"]),
}
STEPS = """
import random
from demo.definitions import Box, twice

def load(*, n):
    random.seed(n)
    data = {"a": [n, 2.0]}
    box = Box(data["a"])
    return data, box

def grow(data, box):
    box.v.append(twice(random.random()))
    print("grown", len(box.v))
    big = box
    return data, box, big

def sum(data):
    import builtins
    total = builtins.sum(data["a"])
    return total
"""


@pytest.fixture
def captured(
    write_notebook: Callable[..., Path], make_pipeline: Callable[..., Any], tmp_path: Path
) -> Callable[..., ReplayRequest]:
    """Run the notebook and write a project of given ``steps.py``."""

    def capture(steps: str = STEPS, flow: Any = None, cells: Any = None) -> ReplayRequest:
        path = write_notebook(cells or CELLS)
        pipeline = make_pipeline(
            path,
            flow or FLOW,
            params={"load": ["n"]},
            parameters=(Parameter("n", "int", "3"),),
            definitions=[("Box", DefinitionKind.CLASS), ("twice", DefinitionKind.FUNCTION)],
        )
        record = execute(RunRequest(path, pipeline, {"n": 5}))
        assert record.problems == ()
        package = tmp_path / "demo_pipeline" / "demo"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "definitions.py").write_text(CELLS[1])  # type: ignore[arg-type]
        (package / "parameters.py").write_text(
            "from dataclasses import dataclass\n\n@dataclass\nclass Parameters:\n    n: int = 3\n"
        )
        (package / "steps.py").write_text(steps)
        return ReplayRequest(package.parent, "demo", pipeline, record)

    return capture


def by_name(found: tuple[StepReplay, ...], step: str) -> StepReplay:
    return next(each for each in found if each.step == step)


pytestmark = pytest.mark.slow


def test_equal_steps_are_equal(captured: Callable[..., ReplayRequest]) -> None:
    # A function named ``sum_``: the step's name belongs to Python.
    found = replay(captured(STEPS.replace("def sum(", "def sum_(")))
    assert [(each.step, each.error, each.equal) for each in found] == [
        ("load", None, True),
        ("grow", None, True),
        ("sum", None, True),
    ]
    assert [each.name for each in by_name(found, "grow").outputs] == [
        "data",
        "box",
        "big",
        "printed text",
    ]
    artifact = by_name(found, "grow").artifact
    assert artifact is not None
    assert artifact.members == ("data", "box", "big")


def test_a_wrong_step_differs_and_says_where(captured: Callable[..., ReplayRequest]) -> None:
    steps = STEPS.replace("def sum(", "def sum_(").replace("* 2", "* 2")
    steps = steps.replace('print("grown", len(box.v))', 'print("grown", 99)')
    steps = steps.replace('builtins.sum(data["a"])', 'builtins.sum(data["a"]) + 0.5')
    found = replay(captured(steps))
    assert by_name(found, "load").equal
    assert [each.name for each in by_name(found, "grow").outputs if not each.equal] == [
        "printed text"
    ]
    total = by_name(found, "sum").outputs[0]
    assert not total.equal
    assert " vs " in total.detail


def test_a_failing_step_names_the_notebooks_line(captured: Callable[..., ReplayRequest]) -> None:
    steps = STEPS.replace("def sum(", "def sum_(").replace("big = box", "big = box.nothing")
    request = captured(steps)
    line = steps.splitlines().index("    big = box.nothing") + 1
    places = {("demo/steps.py", line): Origin("demo.ipynb", 4, line=3)}
    request = dataclasses.replace(request, places=lambda path, at: places.get((path, at)))
    failed = by_name(replay(request), "grow")
    assert failed.error is not None
    assert failed.error.where == Origin("demo.ipynb", 4, line=3)
    assert "AttributeError: 'Box' object has no attribute 'nothing'" in failed.error.message


def test_an_undeclared_change_is_found(captured: Callable[..., ReplayRequest]) -> None:
    flow = {**FLOW, "grow": (["box"], ["box", "big"])}
    steps = STEPS.replace("def sum(", "def sum_(").replace("def grow(data, box)", "def grow(box)")
    found = replay(captured(steps.replace("return data, box, big", "return box, big"), flow))
    changed = [each for each in by_name(found, "sum").outputs if each.kind == "input"]
    assert [(each.name, each.equal) for each in changed] == [("data", False)]
    assert "not as step load left it: key 'a': 3 items vs 2 items" in changed[0].detail


def test_what_an_import_draws_counts_for_a_seeded_generator(
    captured: Callable[..., ReplayRequest], tmp_path: Path
) -> None:
    """The generated code imports before its steps; numpy alone was seeded before it."""
    draws = "import random, numpy\nrandom.random()\nnumpy.random.rand()\n"
    (tmp_path / "drawing.py").write_text(draws)
    start = "n = 3\nimport random\nimport numpy as np\nnp.random.seed(1)\n"
    cells = [
        ("parameters", "n: int = 3"),
        CELLS[1],
        ("step:load", start + "import drawing\ndata = 1"),
        ("step:draw", "print(random.random() < 2, np.random.rand() < 2)"),
    ]
    steps = (
        "import random\nimport numpy as np\nimport drawing\n"
        "def load(*, n):\n    np.random.seed(1)\n    data = 1\n    return data\n"
        "def draw():\n    print(random.random() < 2, np.random.rand() < 2)\n"
    )
    request = captured(steps, {"load": ([], ["data"]), "draw": ([], [])}, cells)
    (request.project / "drawing.py").write_text(draws)
    found = replay(request)
    assert by_name(found, "draw").equal
    differing = [each.name for each in by_name(found, "load").outputs if not each.equal]
    assert differing == ["random state of `numpy.random`"]


def test_a_value_that_saving_changes_is_found(captured: Callable[..., ReplayRequest]) -> None:
    definitions = (
        "class Box:\n    def __init__(self, v):\n        self.v = v\n"
        "        self.lost = [v]\n"
        "    def __getstate__(self):\n        return {'v': self.v, 'lost': []}\n"
        "\ndef twice(v):\n    return v * 2"
    )
    request = captured(
        STEPS.replace("def sum(", "def sum_("),
        cells=[CELLS[0], definitions, *CELLS[2:]],
    )
    (request.project / "demo" / "definitions.py").write_text(definitions)
    inputs = [each for each in by_name(replay(request), "grow").outputs if each.kind == "input"]
    assert [each.name for each in inputs] == ["box"]
    assert "does not come back from being saved" in inputs[0].detail


def test_artifacts_that_were_changed_are_not_loaded(
    captured: Callable[..., ReplayRequest], tmp_path: Path
) -> None:
    request = captured(STEPS.replace("def sum(", "def sum_("))
    proof = tmp_path / "proof"
    evil = f"cos\nsystem\n(S'touch {proof}'\ntR.".encode()
    artifact = Path(request.record.folder) / "artifacts" / "grow.inputs.pkl"
    good = artifact.read_bytes()
    artifact.write_bytes(evil)
    failed = by_name(replay(request), "grow")
    assert failed.error is not None
    assert "was changed after the run" in failed.error.message
    # With the record changed to fit, the signature gives it away.
    import hashlib

    record = Path(request.record.folder) / "record.json"
    text = record.read_text().replace(
        hashlib.sha256(good).hexdigest(), hashlib.sha256(evil).hexdigest()
    )
    record.write_text(text)
    with pytest.raises(UsageError, match="changed since"):
        replay(request)
    assert not proof.exists()


def test_a_step_that_takes_too_long_or_dies(captured: Callable[..., ReplayRequest]) -> None:
    steps = STEPS.replace("def sum(", "def sum_(").replace(
        "big = box", "import time; time.sleep(60)"
    )
    request = captured(steps.replace("import builtins", "import os; os._exit(7)"))
    found = replay(dataclasses.replace(request, timeout=5))
    assert by_name(found, "load").equal
    assert "longer than 5 s" in by_name(found, "grow").error.message  # type: ignore[union-attr]
    assert "ended with 7" in by_name(found, "sum").error.message  # type: ignore[union-attr]


def test_a_package_that_does_not_import(captured: Callable[..., ReplayRequest]) -> None:
    found = replay(captured("import no_such_module\n"))
    assert all(each.error and "no_such_module" in each.error.message for each in found)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("a\nb\n", "a\nb", ""),
        ("<x at 0x7f0011223344>", "<x at 0x7f9911223344>", ""),
        ("10%\r100%\n", "100%", ""),
        ("a  \n", "a", ""),
        ("a", "b", "line 1: 'a' vs 'b'"),
        ("a\nb", "a", "line 2 is only here: 'b'"),
        ("a", "a\nb", "line 2 is missing: 'b'"),
    ],
)
def test_printed_text(one: str, other: str, difference: str) -> None:
    assert printed_difference(one, other) == difference


def test_text_that_the_notebook_cleared() -> None:
    """``clear_output(wait=True)`` in a loop leaves what came last."""
    mark = "\x1b[2K\r"
    loop = f"{mark}step 0\n{mark}step 1\n"
    assert cleared_difference(loop, "step 1\n", one_cell=True) == ""
    assert cleared_difference(loop + mark, "step 1\n", one_cell=True) == ""
    assert cleared_difference(loop + mark, "", one_cell=True) == ""
    assert cleared_difference(loop, "step 0\nstep 1\n", one_cell=True) != ""
    assert cleared_difference(loop, "step 2\n", one_cell=True) == "line 1: 'step 1' vs 'step 2'"
    earlier = f"kept\n{loop}"
    assert cleared_difference(earlier, "kept\nstep 1\n", one_cell=False) == ""
    assert cleared_difference(earlier, "other\nstep 1\n", one_cell=False) != ""
    assert cleared_difference(earlier, "kept\nstep 2\n", one_cell=False) != ""


def test_what_is_displayed_with_an_id_is_updated_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)  # its backend stays
    drawn.begin([])
    handle = drawn.display("one", display_id="x")
    drawn.display("between")
    assert drawn.display("more") is None
    assert handle.display_id == "x"
    drawn.display("two", display_id="x", update=True)
    assert drawn.texts == ["'two'", "'between'", "'more'"]
    drawn.begin([])
