"""What can be set from outside, as churn.ipynb declares it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """Parameters of the pipeline, with the notebook's defaults.

    Attributes:
        data_path: one row per customer, target column `churn` (yes/no)
        test_size: share of the customers held back for the test
        random_state: seed of the split and of the forest
        n_estimators: trees in the forest
        max_depth: how deep a tree may grow
        min_samples_leaf: customers a leaf must hold at least
        drop_charges: leave out the charges, which are minutes times a tariff
    """

    data_path: str = "data/churn.csv"
    test_size: float = 0.2
    random_state: int = 7
    n_estimators: int = 120
    max_depth: int = 14
    min_samples_leaf: int = 3
    drop_charges: bool = True
