"""The outcome of comparing two values."""

from __future__ import annotations

from dataclasses import dataclass

RELATIVE_TOLERANCE = 1e-9
"""Floats are equal within this share of the larger one; NaN equals NaN."""

ARRAY_TOLERANCE = 2.0**-47
"""In arrays, floats are also equal within this share of the largest magnitude: 32 times what
one is rounded by. Where large numbers cancel, such as in the product of two matrices, the
processor's libraries leave that much, another each time. Whole numbers are exact."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two values are equal.

    Attributes:
        equal: They are, within the tolerances.
        detail: The first difference in plain words, such as ``column 'price', row 17:
            3.2 vs 3.3``, or why they cannot be compared; empty if equal.
        comparable: False if the values could not be compared at all; then ``equal``
            is False as well.
    """

    equal: bool
    detail: str = ""
    comparable: bool = True
