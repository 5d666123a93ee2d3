"""Compare any two values by what they are, never by identity or by pickle alone."""

from __future__ import annotations

import sys
from typing import Any

from nbprod.compare import arrays, builtin_values, figures, frames, objects, plotly_figures
from nbprod.compare.comparison import ARRAY_TOLERANCE, RELATIVE_TOLERANCE, Comparison
from nbprod.compare.walk import NotComparableError, Walk

# Where a class may come from for it to count as the notebook's own: it moves from
# the notebook into the generated package.
NOTEBOOK_MODULE = "__main__"


def compare(
    one: Any,
    other: Any,
    *,
    relative: float = RELATIVE_TOLERANCE,
    array: float = ARRAY_TOLERANCE,
) -> Comparison:
    """Compare two values of any type.

    Frames are compared by columns, dtypes, index and values, arrays by dtype, shape
    and values, estimators by parameters and fitted attributes, figures by their
    pixels, containers and objects by their content.

    Args:
        one: A value.
        other: The value it should equal; the difference reads "one vs other".
        relative: Tolerance for floats, as a share of the larger one.
        array: What a sum of large numbers that cancel leaves, as a share of the largest.
    """
    walk = Walk(_difference, relative, array)
    try:
        found = walk.compare(one, other)
    except NotComparableError as error:
        return Comparison(False, f"cannot be compared: {error}", comparable=False)
    except RecursionError:
        return Comparison(False, "cannot be compared: it is nested too deeply", comparable=False)
    except Exception as error:
        reason = f"cannot be compared: {type(error).__name__}: {error}"
        return Comparison(False, reason, comparable=False)
    return Comparison(not found, found.replace("\0", ": "))


def compare_predictions(one: Any, other: Any, features: Any) -> Comparison:
    """Compare two fitted models by what they predict for ``features``.

    Args:
        one: A model.
        other: The model that should answer the same.
        features: Rows as ``predict`` takes them.
    """
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(one, method) != hasattr(other, method):
            return Comparison(False, f"only one of them has {method}")
        if hasattr(one, method):
            found = compare(getattr(one, method)(features), getattr(other, method)(features))
            if not found.equal:
                return Comparison(False, f"{method}: {found.detail}", found.comparable)
    return Comparison(True)


def _difference(walk: Walk, one: Any, other: Any) -> str:
    found = objects.type_difference(one, other)
    if found:
        return found
    if builtin_values.is_plain(one):
        return builtin_values.plain_difference(walk, one, other)
    found = walk.sharing(one, other)
    if found or walk.met_before(one, other):
        return found
    for module, handles, difference in _KINDS:
        if (not module or module in sys.modules) and handles(one):
            return difference(walk, one, other)
    return objects.object_difference(walk, one, other)


_KINDS = (
    ("", builtin_values.is_container, builtin_values.container_difference),
    ("numpy", arrays.is_array, arrays.array_difference),
    ("numpy", arrays.is_generator, arrays.generator_difference),
    ("pandas", frames.is_pandas, frames.pandas_difference),
    ("scipy", arrays.is_sparse, arrays.sparse_difference),
    ("matplotlib", figures.is_artist, figures.artist_difference),
    ("plotly", plotly_figures.is_figure, plotly_figures.figure_difference),
    ("", objects.is_code, objects.code_difference),
    ("patsy", objects.holds_frame, lambda *_: ""),
)
