"""No hazard is ever silently wrong, and each fares as it is declared to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hazards.families import FAMILIES, HAZARDS
from tests.hazards.hazard import Hazard
from tests.hazards.routes import CORRECT, REFUSED, ROUTES, WRONG, Fate, run_all

ORDINARY = [each for each in HAZARDS if each.ordinary]


class Fates:
    """The outcomes, run once, in the order of the tests."""

    def __init__(self, hazards: list[Hazard], ordinary: bool) -> None:
        self._running: Iterator[Fate] = run_all(hazards, ordinary=ordinary)
        self._known: dict[str, Fate] = {}

    def of(self, hazard: Hazard) -> Fate:
        while hazard.name not in self._known:
            found = next(self._running)
            self._known[found.hazard] = found
        return self._known[hazard.name]


@pytest.fixture(scope="module")
def fates(request: pytest.FixtureRequest) -> Fates:
    chosen = {item.callspec.params.get("hazard") for item in request.session.items if _is(item)}
    return Fates([each for each in HAZARDS if each in chosen], ordinary=False)


def _is(item: pytest.Item) -> bool:
    return hasattr(item, "callspec") and item.originalname == "test_hazard"


@pytest.fixture(scope="module")
def ordinary_fates() -> Fates:
    return Fates(ORDINARY, ordinary=True)


def check(hazard: Hazard, fate: Fate) -> None:
    assert not fate.problem, f"the hazard itself does not run: {fate.problem}"
    assert fate.outcomes.keys() == set(ROUTES)
    for route, outcome in fate.outcomes.items():
        assert outcome.verdict != WRONG, f"{route} is silently wrong: {outcome.detail}"
    for route, outcome in fate.outcomes.items():
        expected = REFUSED if hazard.refused or route in hazard.refused_on else CORRECT
        assert outcome.verdict == expected, f"{route}: {outcome.verdict}: {outcome.detail}"
        if expected == REFUSED:
            assert outcome.code in {2, 3}
            assert outcome.detail


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda each: each.name)
def test_hazard(hazard: Hazard, fates: Fates) -> None:
    check(hazard, fates.of(hazard))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("hazard", ORDINARY, ids=lambda each: each.name)
def test_hazard_in_ordinary_kernels(hazard: Hazard, ordinary_fates: Fates) -> None:
    check(hazard, ordinary_fates.of(hazard))


def test_the_suite_is_what_it_claims_to_be() -> None:
    names = [each.name for each in HAZARDS]
    assert len(names) == len(set(names)) >= 150
    for hazard in HAZARDS:
        tags = {tag for _, tags, _ in hazard.cells() for tag in tags}
        steps = {tag for tag in tags if tag.startswith(("step:", "block:"))}
        assert len(steps) >= 2 or hazard.name.startswith("untagged"), hazard.name
    refused = [each.name for each in HAZARDS if each.refused]
    assert len(refused) <= 0.1 * len(HAZARDS), refused
    assert min(map(len, FAMILIES.values())) >= 10
