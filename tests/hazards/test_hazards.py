"""Every hazard, by every route: right, or refused aloud where that is expected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from nbprod.diagnostics import Severity
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from tests.hazards.conftest import Fates, Told, check, chosen, named
from tests.hazards.families import FAMILIES, HAZARDS
from tests.hazards.hazard import Hazard
from tests.hazards.routes import ROUTES


@pytest.fixture(scope="module")
def fates(request: pytest.FixtureRequest, told: Told) -> Iterator[Fates]:
    """The chosen hazards, in kernels forked from one that has imported the libraries."""
    found = Fates(chosen(request, "test_hazard"))
    told.verdicts.update((route, Counter()) for route in ROUTES)
    yield found
    found.close()


@pytest.mark.parametrize("hazard", named(HAZARDS))
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
@pytest.mark.parametrize("hazard", named(HAZARDS))
def test_hazard(hazard: Hazard, fates: Fates, told: Told) -> None:
    check(hazard, fates, told)


def test_there_are_enough_hazards_and_few_are_refused() -> None:
    assert len(HAZARDS) >= 150
    assert len({hazard.name for hazard in HAZARDS}) == len(HAZARDS)
    assert all(FAMILIES.values())
    short = [each.name for each in HAZARDS if each.refused or each.refused_on or each.known]
    assert len(short) <= 0.05 * len(HAZARDS), short
