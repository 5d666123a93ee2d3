"""What can be set from outside, as penguins.ipynb declares it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """Parameters of the pipeline, with the notebook's defaults.

    Attributes:
        folds: folds of the cross-validation
        C: inverse strength of the regularisation
    """

    data: str = "data/penguins.csv"
    folds: int = 5
    C: float = 1.0
    seed: int = 2007
