"""When a step counts as unchanged: one thing is changed at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from nbprod.events import ignore_events
from nbprod.run.replay import ReplayRequest
from nbprod.run.step_key import step_key
from nbprod.workflows.run import execute_stage
from nbprod.workflows.training import TrainingRequest, generated_project, prepare
from tests.functional.conftest import write_notebook

pytestmark = pytest.mark.slow

CELLS = (
    ("scale = 2.0\nother = 1", ["parameters"]),
    ("def twice(value):\n    # Doubles.\n    return value * 2", []),
    (
        "import random\nimport numpy as np\nimport own\n"
        "with open('rows.csv') as file:\n    rows = [float(line) for line in file]\n"
        "random.seed(4)",
        ["step:load"],
    ),
    ("scaled = [twice(row) * scale for row in rows]", ["step:scale"]),
    ("noise = random.random()", ["step:draw"]),
    ("total = sum(scaled)\nprint('total', total)", ["step:add"]),
    ("offset = other + own.VALUE\nkey = lambda row: row + offset", ["step:shift"]),
    ("import threading\nlock = threading.Lock()\nbest = max(rows, key=key)", ["step:best"]),
    ("import time\nstarted = time.time() > 0", ["step:clock"]),
    ("summary = (total, best, noise, started)", ["step:sum_up"]),
)
STEPS = {"load", "scale", "draw", "add", "shift", "best", "sum_up"}


class Subject:
    """A notebook in a folder, run again after each change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells = list(CELLS)
        (folder / "rows.csv").write_text("1\n2\n3\n")
        (folder / "own.py").write_text("VALUE = 5\n")

    def request(self, *pairs: tuple[str, str]) -> ReplayRequest:
        path = write_notebook(self.folder / "rows.ipynb", *self.cells)
        prepared = prepare(TrainingRequest(path, pairs), ignore_events, serves=False)
        project = generated_project(prepared, ignore_events)
        record = execute_stage(prepared.notebook_subject, prepared.parameters, ignore_events)
        return ReplayRequest(project.directory, project.package, prepared.pipeline, record)

    def replace(self, old: str, new: str) -> None:
        assert any(old in source for source, _ in self.cells), old
        self.cells = [(source.replace(old, new), tags) for source, tags in self.cells]


def keys(request: ReplayRequest) -> dict[str, str]:
    return {step.name: step_key(request, step) for step in request.pipeline.steps}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return Subject(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> None:
    patch = pytest.MonkeyPatch()
    patch.setenv("NBPROD_HOME", str(tmp_path_factory.mktemp("home")))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def first(subject: Subject, home: None) -> ReplayRequest:
    return subject.request()


def changed(first: ReplayRequest, second: ReplayRequest) -> set[str]:
    before, after = keys(first), keys(second)
    return {name for name in before if before[name] != after[name] or not after[name]}


def test_another_run_has_the_same_keys(subject: Subject, first: ReplayRequest) -> None:
    found = keys(first)
    assert {name for name, key in found.items() if key} == STEPS  # not the clock's
    # Comments, formatting and markdown are no change.
    subject.replace("# Doubles.", "# Doubles a value.")
    subject.replace("sum(scaled)", "sum( scaled )  # all of them")
    assert changed(first, subject.request()) == {"clock"}


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        (lambda s: s.replace("'total', total", "'sum', total"), {"add"}),
        (lambda s: s.replace("return value * 2", "return 2 * value"), STEPS),
        (lambda s: (s.folder / "rows.csv").write_text("1\n2\n4\n"), STEPS - {"draw", "shift"}),
        (lambda s: (s.folder / "own.py").write_text("VALUE = 5\nMORE = 6\n"), STEPS),
        # It draws once more: what comes after starts from another random state.
        (lambda s: s.replace("random.seed(4)", "random.seed(5)"), {"load", "draw", "sum_up"}),
        (lambda s: s.replace("import numpy as np", "import numpy as np\nnp.seterr(all='ignore')"),
         STEPS),
    ],
    ids=["step", "definition", "file", "module", "random state", "option"],
)  # fmt: skip
def test_what_changes_a_step(
    subject: Subject, first: ReplayRequest, change: Callable[[Subject], object], steps: set[str]
) -> None:
    cells = list(subject.cells)
    try:
        change(subject)
        found = changed(first, subject.request())
    finally:
        subject.__init__(subject.folder)  # type: ignore[misc]
        subject.cells = cells
    # A value that holds a function of the notebook's depends on all of its code.
    assert found - {"clock", "best"} == steps - {"best"}


def test_parameters_count_where_they_are_read(subject: Subject, first: ReplayRequest) -> None:
    found = changed(first, subject.request(("scale", "3.0")))
    assert found - {"best", "shift"} == {"scale", "add", "sum_up", "clock"}


def test_the_project_and_the_environment_count(
    first: ReplayRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = first.project / "rows" / "steps.py"
    text = steps.read_text()
    before = keys(first)

    def differing(request: ReplayRequest = first) -> set[str]:
        return {name for name, key in keys(request).items() if key != before[name]}

    try:
        steps.write_text(text.replace("total = sum(scaled)", "total = _add(scaled)"))
        assert differing() == {"add"}
        one = keys(first)
        # A function of the user's own beside the steps counts for all.
        steps.write_text(steps.read_text() + "\n\ndef _add(values):\n    return sum(values)\n")
        assert differing() == STEPS
        assert keys(first)["add"] != one["add"]
        # A step that calls another depends on it.
        steps.write_text(text.replace("total = sum(scaled)", "total = sum(scaled) + 0 * draw()"))
        calling = keys(first)
        steps.write_text(steps.read_text().replace("noise = ", "noise = 1 * "))
        assert {n for n, key in keys(first).items() if key != calling[n]} == {"draw", "add"}
    finally:
        steps.write_text(text)
    assert differing() == set()
    record = first.record
    newer = dataclasses.replace(record.environment, installed="0" * 64)
    other = dataclasses.replace(record, environment=newer)
    assert differing(dataclasses.replace(first, record=other)) == STEPS
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert differing() == STEPS
