"""Why a generated step likely fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from nbprod.run.replay import StepError, StepReplay
from nbprod.workflows.reason import error_reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("NameError: name 'rate' is not defined", "`rate` comes from a place"),
        (
            "PicklingError: Can't pickle <class 'churn.steps.prepare.<locals>.Clipper'>: it's not "
            "found as churn.steps.prepare.<locals>.Clipper",
            "`Clipper` stands inside the step",
        ),
        (
            "AttributeError: Can't get local object 'prepare.<locals>.Clipper'",
            "`Clipper` stands inside the step",
        ),
        ("ValueError: no rows", "left outside the variables"),
    ],
)
def test_the_message_tells_what_the_step_misses(message: str, reason: str) -> None:
    record = cast(Any, SimpleNamespace(undeclared=()))
    assert reason in error_reason(record, StepReplay("step", error=StepError(message)))
