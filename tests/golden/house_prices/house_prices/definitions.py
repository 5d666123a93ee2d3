"""Functions, classes and constants of house_prices.ipynb, in its order."""

import numpy as np
import pandas as pd
from sklearn.metrics import mean_squared_error

# Cell 4
RANDOM_STATE = 42
TEST_SIZE = 0.25
TARGET = "Sale_Price"


# Cell 19
QUALITY = {
    "Very_Poor": 1,
    "Poor": 2,
    "Fair": 3,
    "Below_Average": 4,
    "Average": 5,
    "Typical": 5,
    "Above_Average": 6,
    "Good": 7,
    "Very_Good": 8,
    "Excellent": 9,
}


# Cell 21
def group_rare(values: pd.Series, at_least: int = 40, other: str = "Other") -> pd.Series:
    """Replace categories with fewer than `at_least` rows by one common category."""
    counts = values.value_counts()
    rare = counts[counts < at_least].index
    return values.where(~values.isin(rare), other)


# Cell 21
def add_age(houses: pd.DataFrame) -> pd.DataFrame:
    """Age of the house and years since the last renovation, at the time of the sale."""
    houses = houses.copy()
    houses["Age"] = (houses["Year_Sold"] - houses["Year_Built"]).clip(lower=0)
    houses["Since_Remod"] = (houses["Year_Sold"] - houses["Year_Remod_Add"]).clip(lower=0)
    return houses


# Cell 30
def rmse(actual: pd.Series, predicted: np.ndarray) -> float:
    return float(np.sqrt(mean_squared_error(actual, predicted)))
