"""Every hazard, by every route: right, or refused aloud where that is expected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from nbprod.diagnostics import Severity
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from tests.hazards.conftest import Fates, Told
from tests.hazards.families import FAMILIES, HAZARDS
from tests.hazards.hazard import Hazard
from tests.hazards.planted import PLANTED
from tests.hazards.routes import CORRECT, REFUSED, ROUTES, WRONG

_ORDINARY = [hazard for hazard in HAZARDS if hazard.ordinary]


def _named(hazards: list[Hazard] | tuple[Hazard, ...]) -> list[object]:
    return [pytest.param(hazard, id=hazard.name) for hazard in hazards]


@pytest.fixture(scope="module")
def fates(request: pytest.FixtureRequest, told: Told) -> Iterator[Fates]:
    """The chosen hazards, in kernels forked from one that has imported the libraries."""
    found = Fates(_chosen(request, "test_hazard"))
    told.verdicts.update((route, Counter()) for route in ROUTES)
    yield found
    found.close()


@pytest.fixture(scope="module")
def ordinary(request: pytest.FixtureRequest) -> Iterator[Fates]:
    """Some of them, in kernels started anew."""
    found = Fates(_chosen(request, "test_hazard_in_ordinary_kernels"), ordinary=True)
    yield found
    found.close()


@pytest.fixture(scope="module")
def planted(request: pytest.FixtureRequest) -> Iterator[Fates]:
    """What the judge has to call wrong."""
    found = Fates(_chosen(request, "test_the_judge_sees_a_wrong_conversion"))
    yield found
    found.close()


def _chosen(request: pytest.FixtureRequest, test: str) -> list[Hazard]:
    """Return the hazards that this session asks ``test`` about."""
    return [
        item.callspec.params["hazard"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test
    ]


@pytest.mark.parametrize("hazard", _named(HAZARDS))
def test_only_what_is_expected_to_be_is_refused_before_it_runs(hazard: Hazard) -> None:
    notebook = read_notebook_text(json.dumps(hazard.document("python3")))
    sources = {name: text.encode() for name, text in hazard.files.items() if name[-3:] == ".py"}
    _, found = build(notebook, local_sources=sources)
    errors = {each.code: each.message for each in found if each.severity is Severity.ERROR}
    if hazard.code:
        assert hazard.code in errors
    else:
        assert not errors


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hazard", _named(HAZARDS))
def test_hazard(hazard: Hazard, fates: Fates, told: Told) -> None:
    _check(hazard, fates, told)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hazard", _named(_ORDINARY))
def test_hazard_in_ordinary_kernels(hazard: Hazard, ordinary: Fates) -> None:
    _check(hazard, ordinary)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hazard", _named(tuple(PLANTED)))
def test_the_judge_sees_a_wrong_conversion(hazard: Hazard, planted: Fates) -> None:
    fate = planted.of(hazard)
    assert not fate.problem
    for route in PLANTED[hazard]:
        assert fate.outcomes[route].verdict == WRONG, (route, fate.outcomes[route])


def test_there_are_enough_hazards_and_few_are_refused() -> None:
    assert len(HAZARDS) >= 150
    assert len({hazard.name for hazard in HAZARDS}) == len(HAZARDS)
    assert all(FAMILIES.values())
    refused = [hazard.name for hazard in HAZARDS if hazard.refused or hazard.refused_on]
    assert len(refused) <= 0.09 * len(HAZARDS), refused


def _check(hazard: Hazard, fates: Fates, told: Told | None = None) -> None:
    fate = fates.of(hazard)
    if hazard.known:
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
