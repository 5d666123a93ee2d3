"""Changes that the conversion did not see are told by every run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.events import Event, LogEvent
from nbprod.run.execute import RunRequest, execute
from nbprod.run.plan import CellPlan, RunPlan, StepPlan
from nbprod.run.record import read_record
from nbprod.run.truth import Truth

HIDDEN = [
    ("step:load", "import gc\ndata = [1, 2]\nother = {'in': data}\nkept = [0]"),
    (
        "step:change",
        "x = 1\nfor found in gc.get_referrers(data[0]):\n    pass\nother['in'].append(3)",
    ),
    ("step:use", "total = sum(data)\nprint(total, kept)"),
]
FLOW = {
    "load": ([], ["data", "other", "kept"]),
    "change": (["other"], ["other"]),
    "use": (["data", "kept"], ["total"]),
}


@pytest.mark.slow
def test_a_run_tells_a_change_that_no_step_declares(
    write_notebook: Callable[..., Path], make_pipeline: Callable[..., Any]
) -> None:
    path = write_notebook(HIDDEN)
    told: list[Event] = []
    record = execute(RunRequest(path, make_pipeline(path, FLOW)), told.append)
    (found,) = record.undeclared
    assert (found.variable, found.step, found.cell, found.line) == ("data", "change", 2, 2)
    assert (found.producer, found.reader) == ("load", "use")
    assert record.shares == (("data", "other"),)
    assert [(each.step, each.changed) for each in record.stretches] == [
        ("load", ("data", "kept", "other")),
        ("change", ("data", "other")),
        ("use", ("total",)),
    ]
    (warning,) = [event.text for event in told if isinstance(event, LogEvent)]
    assert "cell 2, line 2 (step change) changes `data`" in warning
    assert "`data = data`" in warning
    assert "`step:load`" in warning
    assert read_record(record.folder) == record


def take(truth: Truth, cell: CellPlan | None, **prints: str) -> tuple[Any, ...]:
    survey = {"fingerprints": prints, "shares": []} if truth.boundary(cell) else None
    if survey is not None:
        watched = set(truth.watched(cell))
        survey["fingerprints"] = {k: v for k, v in prints.items() if k in watched}
    return truth.take(survey, cell)


def test_a_declared_change_that_does_not_happen_is_no_news() -> None:
    steps = (
        StepPlan("load", (1,), outputs=("a",)),
        StepPlan("look", (2,), inputs=("a",), outputs=("a",)),
        StepPlan("use", (3,), inputs=("a",)),
    )
    truth = Truth(RunPlan(steps))
    assert take(truth, CellPlan(0, 1, "load", True)) == ()
    assert take(truth, CellPlan(1, 2, "look", True), a="1") == ()
    assert take(truth, CellPlan(2, 3, "use", True), a="1") == ()


def test_declared_changes_and_scattered_steps_are_no_news() -> None:
    steps = (
        StepPlan("load", (1, 3), outputs=("a", "b")),
        StepPlan("grow", (2,), inputs=("a",), outputs=("a",)),
        StepPlan("use", (4,), inputs=("a", "b")),
    )
    truth = Truth(RunPlan(steps))
    assert take(truth, CellPlan(0, 1, "load", True)) == ()
    assert take(truth, CellPlan(1, 2, "grow", True), a="1", b="1") == ()
    assert take(truth, CellPlan(2, 3, "load", True), a="2", b="1") == ()
    assert take(truth, CellPlan(3, 4, "use", True), a="2", b="2") == ()
    assert [each.changed for each in truth.stretches] == [("a", "b"), ("a",), ("b",)]
    assert take(truth, None) == ()


def test_nothing_is_claimed_where_fingerprints_are_missing() -> None:
    steps = (
        StepPlan("load", (1,), outputs=("a",)),
        StepPlan("grow", (2,), inputs=("a",), outputs=("a",)),
        StepPlan("use", (3,), inputs=("a",)),
        StepPlan("show", (4,), inputs=("a",)),
    )
    truth = Truth(RunPlan(steps))
    assert take(truth, CellPlan(0, 1, "load", True)) == ()
    assert take(truth, CellPlan(1, 2, "grow", True), a="1") == ()
    truth.lose(CellPlan(2, 3, "use", True))
    assert take(truth, CellPlan(3, 4, "show", True), a="2") == ()
    assert [each.step for each in truth.stretches] == ["load", "use"]
