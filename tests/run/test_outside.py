"""What cells that no step holds did in a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbprod.origin import Origin
from nbprod.pipeline.ir import Block, Pipeline, Source, Step, StepRole
from nbprod.run.outside import with_outside
from nbprod.run.record import FileState, RunRecord, RunState, StretchRecord, WrittenFile
from nbprod.run.replay import StepReplay

PIPELINE = Pipeline(
    "demo",
    "demo",
    Source("demo.ipynb", "", "python3"),
    steps=tuple(
        Step(
            name,
            StepRole.OTHER,
            (cell,),
            blocks=(Block("np.random.seed(0)", Origin("demo.ipynb", cell, "", 1)),),
        )
        for name, cell in (("load", 1), ("show", 3))
    ),
)


def run(*stretches):
    states = [{"numpy": text} for text in ("start", "seeded", "drawn", "more")]
    found = [
        replace(each, state_before=states[place], state_after=states[place + 1])
        for place, each in enumerate(stretches)
    ]
    return RunRecord(
        "r",
        RunState.COMPLETED,
        "demo.ipynb",
        "",
        "",
        ".",
        ".",
        "python3",
        "",
        stretches=tuple(found),
    )


def told(record):
    steps = with_outside(record, PIPELINE, (StepReplay("load"), StepReplay("show")))
    return [(each.step, output.name) for each in steps for output in each.outputs]


def test_what_a_cell_outside_the_steps_draws_and_writes_is_a_difference_of_the_next_step():
    written = WrittenFile(FileState("/w/a.txt"), FileState("/w/a.txt", "digest"))
    outside = StretchRecord("", (2,), files=(written,))
    record = run(StretchRecord("load", (1,)), outside, StretchRecord("show", (3,)))
    assert told(record) == [("show", "random state of `numpy.random`"), ("show", "a.txt")]


@pytest.mark.parametrize("path", ["/w/__pycache__/a.pyc", "/w/.ipynb_checkpoints/a.ipynb"])
def test_what_passes_is_no_difference(path):
    written = WrittenFile(FileState(path), FileState(path, "digest"))
    record = run(StretchRecord("load", (1,)), StretchRecord("", (2,), files=(written,)))
    assert told(record) == []
