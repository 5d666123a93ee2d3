"""Compare what a model answers with what it answered in the notebook's own kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RELATIVE = 1e-6
ABSOLUTE = 1e-12  # so that probabilities of exactly 0 and of 1e-300 agree


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first rows that differ.

    Attributes:
        row: Index of the row.
        what: ``prediction`` or ``probabilities``.
        got: What the packaged model says.
        expected: What the notebook's model said.
    """

    row: int
    what: str
    got: object
    expected: object


def disagreements(
    predictions: Sequence[object],
    probabilities: Sequence[object] | None,
    expected: Mapping[str, object],
    limit: int = 5,
) -> tuple[Disagreement, ...]:
    """Compare answers: labels exactly, floats to 1e-6 relative.

    Args:
        predictions: One answer for each row.
        probabilities: One object for each row, or ``None``.
        expected: The kernel's ``{"predictions": [...], "probabilities": [...] | null}``.
        limit: How many differences to report.

    Returns:
        The first ``limit`` differences; a length that differs counts as row -1.
    """
    found: list[Disagreement] = []
    pairs = (
        ("prediction", predictions, expected.get("predictions")),
        ("probabilities", probabilities, expected.get("probabilities")),
    )
    for what, got, wanted in pairs:
        if wanted is None and (what == "probabilities" or got is None):
            continue
        if not isinstance(wanted, Sequence) or got is None or len(got) != len(wanted):
            found.append(Disagreement(-1, what, _length(got), _length(wanted)))
            continue
        for row, (one, other) in enumerate(zip(got, wanted, strict=True)):
            if not same_answer(one, other):
                found.append(Disagreement(row, what, one, other))
                if len(found) >= limit:
                    return tuple(found)
    return tuple(found)


def same_answer(got: object, expected: object) -> bool:
    """Tell whether two JSON values agree: type and value; floats to 1e-6 relative."""
    if isinstance(got, bool) or isinstance(expected, bool):
        return got is expected
    if isinstance(got, float) and isinstance(expected, float):
        return math.isclose(got, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    if isinstance(got, Mapping) and isinstance(expected, Mapping):
        return got.keys() == expected.keys() and all(
            same_answer(value, expected[key]) for key, value in got.items()
        )
    if isinstance(got, list | tuple) and isinstance(expected, list | tuple):
        return len(got) == len(expected) and all(
            same_answer(one, other) for one, other in zip(got, expected, strict=True)
        )
    return type(got) is type(expected) and got == expected


def _length(values: object) -> str:
    return f"{len(values)} rows" if isinstance(values, Sequence) else "none"
