"""What can be set from outside, as house_prices.ipynb declares it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """The notebook declares no parameters."""
