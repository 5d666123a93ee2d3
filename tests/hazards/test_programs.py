"""Notebooks made at random: every route gives the plain results, or refuses aloud.

``NBPROD_EXAMPLES=5000`` tries that many; how many ran is told after the tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hazards.conftest import Told
from tests.hazards.programs import Program, Tally, check, cuts, statements

EXAMPLES = int(os.environ.get("NBPROD_EXAMPLES", "120"))


@pytest.fixture(scope="module")
def tally(told: Told) -> Iterator[Tally]:
    counted = Tally()
    yield counted
    told.programs = str(counted)


@pytest.mark.timeout(36_000)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=statements, steps=cuts, tagged=st.booleans())
def test_random_notebooks_agree_or_are_refused(
    tally: Tally, body: list[str], steps: list[str], tagged: bool
) -> None:
    check(Program.of(body, steps, tagged), tally)
