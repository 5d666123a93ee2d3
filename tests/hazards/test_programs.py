"""Notebooks made at random: every route gives the plain results, or refuses aloud.

``NBPROD_EXAMPLES=5000`` tries that many; the count that ran is printed at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hazards.programs import Program, Tally, check, cuts, statements

EXAMPLES = int(os.environ.get("NBPROD_EXAMPLES", "200"))


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    counted = Tally()
    yield counted
    print(f"\n{counted}")


@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=statements, steps=cuts, tagged=st.booleans())
def test_random_notebooks_agree_or_are_refused(
    tally: Tally, body: list[str], steps: list[str], tagged: bool
) -> None:
    check(Program.of(body, steps, tagged), tally)
