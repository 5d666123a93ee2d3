"""Hazards run twice: the second time, all steps but the last may come from the cache.

Every fourth of those that run right by all routes; ``NBPROD_EVERY_HAZARD=1`` takes all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.hazards.conftest import Fates, Told, chosen, named
from tests.hazards.families import HAZARDS
from tests.hazards.hazard import Hazard
from tests.hazards.routes import AGAIN, CORRECT

_RIGHT = [hazard for hazard in HAZARDS if not hazard.refused and not hazard.known]
_CHOSEN = _RIGHT if os.environ.get("NBPROD_EVERY_HAZARD") else _RIGHT[::4]


@pytest.fixture(scope="module")
def fates(request: pytest.FixtureRequest, told: Told) -> Iterator[Fates]:
    """The chosen hazards, in kernels forked from one that has imported the libraries."""
    found = Fates(chosen(request, "test_hazard_with_the_cache"), again=True)
    told.verdicts[AGAIN] = Counter()
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hazard", named(_CHOSEN))
def test_hazard_with_the_cache(hazard: Hazard, fates: Fates, told: Told) -> None:
    fate = fates.of(hazard)
    assert not fate.problem, f"the notebook itself does not run: {fate.problem}"
    outcome = fate.outcomes[AGAIN]
    told.verdicts[AGAIN][outcome.verdict] += 1
    assert outcome.verdict == CORRECT, outcome.detail
