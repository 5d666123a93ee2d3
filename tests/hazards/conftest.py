"""Hazards are run once, in processes beside the tests; what ran is told at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from tests.hazards.hazard import Hazard
from tests.hazards.routes import CORRECT, REFUSED, Fate, run_all


class Fates:
    """How hazards fared, in whatever order they are asked for.

    Args:
        hazards: The hazards to run.
        ordinary: Start each kernel and step process anew, as users' are.
        again: Run each twice with the step cache, instead of by the other routes.
    """

    def __init__(
        self, hazards: Sequence[Hazard], ordinary: bool = False, again: bool = False
    ) -> None:
        # Warm kernels leave the processor idle most of the time.
        workers = 2 if ordinary or again else 4
        self._coming = run_all(hazards, workers=workers, ordinary=ordinary, again=again)
        self._known: dict[str, Fate] = {}

    def of(self, hazard: Hazard) -> Fate:
        """Wait until ``hazard`` has run by all routes."""
        while hazard.name not in self._known:
            found = next(self._coming, None)
            assert found is not None, f"the process that ran {hazard.name!r} ended before it"
            self._known[found.hazard] = found
        return self._known[hazard.name]

    def close(self) -> None:
        """End the processes."""
        self._coming.close()


class Told:
    """What is said of the hazards and programs after the tests."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Counter[str]] = {}
        self.programs = ""

    def lines(self) -> Iterator[str]:
        """Yield the sentences."""
        for route, counts in self.verdicts.items():
            parts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
            yield f"hazards by {route}: {parts}"
        if self.programs:
            yield f"random notebooks, plainly, isolated and as generated code: {self.programs}"


@pytest.fixture(scope="session")
def told(said: list[str]) -> Iterator[Told]:
    """Count what ran; the counts are said after the tests."""
    counted = Told()
    yield counted
    said.extend(counted.lines())


def named(hazards: Sequence[Hazard]) -> list[object]:
    """Return test parameters with the hazards' names."""
    return [pytest.param(hazard, id=hazard.name) for hazard in hazards]


def chosen(request: pytest.FixtureRequest, test: str) -> list[Hazard]:
    """Return the hazards that this session asks ``test`` about."""
    return [
        item.callspec.params["hazard"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test
    ]


def check(hazard: Hazard, fates: Fates, told: Told | None = None) -> None:
    """Assert that ``hazard`` fared as it is expected to, on each route."""
    fate = fates.of(hazard)
    if hazard.known:
        assert not all(each.verdict == CORRECT for each in fate.outcomes.values()), "it is mended"
        pytest.xfail(hazard.known)
    assert not fate.problem, f"the notebook itself does not run: {fate.problem}"
    for route, outcome in fate.outcomes.items():
        if told is not None:
            told.verdicts[route][outcome.verdict] += 1
    for route, outcome in fate.outcomes.items():
        reason = hazard.refused or hazard.refused_on.get(route, "")
        expected = REFUSED if reason else CORRECT
        assert outcome.verdict == expected, f"{route}: {outcome.verdict}: {outcome.detail}"
        if reason:
            assert outcome.detail
            assert not hazard.code or hazard.code in outcome.codes, (route, outcome)
