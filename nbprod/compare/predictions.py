"""Predictions of two fitted estimators, for what no attribute shows."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from nbprod.compare.walk import Walk

_ROWS = 16


def prediction_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare what two estimators predict for the same made-up rows.

    Those that take no plain numbers (text, categories) are left to their attributes.
    """
    if not callable(getattr(type(one), "predict", None)):
        return ""
    count = getattr(one, "n_features_in_", None)
    if not isinstance(count, int):
        return ""
    rows = _rows(count, getattr(one, "feature_names_in_", None))
    ours, theirs = (_predicted(each, rows) for each in (one, other))
    if ours is None or theirs is None:
        return "" if ours is theirs else "only one of the two can predict"
    return walk.compare(ours, theirs, "predictions")


def _rows(count: int, names: Any) -> Any:
    numpy: Any = importlib.import_module("numpy")
    rows = numpy.random.RandomState(0).normal(size=(_ROWS, count))
    if names is None:
        return rows
    return importlib.import_module("pandas").DataFrame(rows, columns=names)


def _predicted(estimator: Any, rows: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return estimator.predict(rows)
        except Exception:
            return None
