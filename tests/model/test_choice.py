"""Which estimator becomes the served model."""

import pytest

from nbprod.errors import ExitCode, UsageError
from nbprod.model.choice import Candidate, choose_model

BASELINE = Candidate("baseline", "LogisticRegression", cell=5, fit_order=1)
FOREST = Candidate("forest", "RandomForestClassifier", cell=6, fit_order=2, aliases=("best",))
LATE = Candidate("clusters", "KMeans", cell=9, fit_order=3)


def test_the_only_estimator_is_the_model():
    assert choose_model((BASELINE,)).candidate is BASELINE


def test_metrics_decide_before_the_order_of_fits():
    choice = choose_model((BASELINE, FOREST, LATE), evaluated=frozenset({"baseline", "best"}))
    assert choice.candidate is FOREST
    assert "`clusters`" in choice.reason


def test_without_metrics_the_last_fit_wins():
    assert choose_model((FOREST, LATE, BASELINE)).candidate is LATE


@pytest.mark.parametrize("name", ["forest", "best"])
def test_a_named_model_wins_by_any_of_its_names(name):
    assert choose_model((BASELINE, FOREST, LATE), named=name).candidate is FOREST


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError) as caught:
        choose_model((BASELINE, FOREST), named="forrest")
    assert "baseline, forest" in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


def test_no_model_says_what_to_do():
    with pytest.raises(UsageError) as caught:
        choose_model(())
    assert "no model" in caught.value.message
    assert ".fit(" in caught.value.fix


def test_a_model_that_cannot_be_served_is_refused_with_its_reason():
    sparse = Candidate("svm", "LinearSVC", unsupported="it was fitted on a sparse matrix")
    with pytest.raises(UsageError, match="sparse matrix"):
        choose_model((sparse,))
