"""Names of the machine-learning libraries that the lint knows, from ``learning.toml``."""

from __future__ import annotations

from functools import cache

from nbprod.analysis.library_table import data_file


@cache
def known(table: str, kind: str) -> frozenset[str]:
    """Return the names that ``[table] kind`` lists."""
    return frozenset(data_file("learning")[table][kind])


STATISTICS = frozenset(
    {"mean", "median", "std", "var", "mode", "quantile", "nanmean", "nanmedian", "nanstd"}
    | {"average", "percentile", "nanpercentile"}
)
EXTREMES = frozenset({"min", "max", "amin", "amax", "nanmin", "nanmax"})
COMBINES = frozenset(
    {"fillna", "map", "replace", "merge", "join", "sub", "div", "add", "mul", "where", "mask"}
    | {"subtract", "divide", "assign", "truediv"}
)
CROSS_VALIDATIONS = frozenset(
    {"cross_val_score", "cross_validate", "cross_val_predict", "learning_curve"}
    | {"validation_curve", "permutation_test_score"}
)
PREDICTIONS = frozenset({"predict", "predict_proba", "decision_function", "predict_log_proba"})
FITS = frozenset({"fit", "fit_transform", "fit_predict", "fit_resample", "partial_fit"})
