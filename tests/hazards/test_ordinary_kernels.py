"""What the hazards' test rests on: ordinary kernels agree, and the judge sees what is wrong.

In a file of its own, so that it can run beside the others. Every second of those that are meant
for it; ``NBPROD_EVERY_HAZARD=1`` takes all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.hazards.conftest import Fates, check, chosen, named
from tests.hazards.families import HAZARDS
from tests.hazards.hazard import Hazard
from tests.hazards.planted import PLANTED
from tests.hazards.routes import WRONG

_ALL = [hazard for hazard in HAZARDS if hazard.ordinary]
_ORDINARY = _ALL if os.environ.get("NBPROD_EVERY_HAZARD") else _ALL[::2]


@pytest.fixture(scope="module")
def ordinary(request: pytest.FixtureRequest) -> Iterator[Fates]:
    """Some of them, in kernels started anew."""
    found = Fates(chosen(request, "test_hazard_in_ordinary_kernels"), ordinary=True)
    yield found
    found.close()


@pytest.fixture(scope="module")
def planted(request: pytest.FixtureRequest) -> Iterator[Fates]:
    """What the judge has to call wrong."""
    found = Fates(chosen(request, "test_the_judge_sees_a_wrong_conversion"))
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hazard", named(_ORDINARY))
def test_hazard_in_ordinary_kernels(hazard: Hazard, ordinary: Fates) -> None:
    check(hazard, ordinary)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hazard", named(tuple(PLANTED)))
def test_the_judge_sees_a_wrong_conversion(hazard: Hazard, planted: Fates) -> None:
    fate = planted.of(hazard)
    assert not fate.problem
    for route in PLANTED[hazard]:
        assert fate.outcomes[route].verdict == WRONG, (route, fate.outcomes[route])
