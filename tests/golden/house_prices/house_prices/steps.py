"""The steps of house_prices.ipynb, one function each, in its order."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from house_prices.definitions import (
    QUALITY,
    RANDOM_STATE,
    TARGET,
    TEST_SIZE,
    add_age,
    group_rare,
    rmse,
)


def prepare() -> None:
    """Prepare."""
    # Cell 3
    pd.set_option("display.max_columns", 50)
    sns.set_theme(style="whitegrid")


def load_data() -> pd.DataFrame:
    """Load the data."""
    # Cell 6
    df = pd.read_csv("data/house_prices.csv")

    # Cell 9
    df.info()
    return df


def exploration(df: pd.DataFrame) -> None:
    """Exploration.

    Prices are skewed to the right: most houses cost 100,000 to 250,000 dollars, a few a
    lot more.
    """
    # Cell 11
    plt.figure(figsize=(7, 3))
    plt.hist(df[TARGET] / 1000, bins=50, color="steelblue")
    plt.xlabel("price (thousand dollars)")
    plt.ylabel("houses")
    plt.title("Sale prices")
    plt.show()

    # Cell 12
    df[["Gr_Liv_Area", "Lot_Area", "Year_Built", "Total_Bsmt_SF", "Garage_Cars", "Full_Bath"]].hist(
        figsize=(10, 5), bins=30
    )
    plt.tight_layout()
    plt.show()  # a notebook shows figures at the end of a cell

    # Cell 13
    corr = df.corr(numeric_only=True)
    top = corr[TARGET].abs().sort_values(ascending=False).head(12).index

    plt.figure(figsize=(8, 6))
    sns.heatmap(
        corr.loc[top, top], annot=True, fmt=".2f", cmap="coolwarm", center=0, annot_kws={"size": 8}
    )
    plt.title("What goes with the price?")
    plt.show()

    # Cell 15
    sns.scatterplot(data=df, x="Gr_Liv_Area", y=TARGET, hue="Sale_Condition", s=15, alpha=0.6)
    plt.title("Living area and price")


def cleaning(df: pd.DataFrame) -> pd.DataFrame:
    """Cleaning.

    Three of the five houses above 4,000 square feet sold far below the trend; De Cock
    himself advises to leave all five out. Family sales, foreclosures and the like don't
    tell us market prices, so only normal sales and new homes (`Partial`) stay.
    """
    # Cell 17
    df = df[df["Gr_Liv_Area"] < 4000]
    df = df[df["Sale_Condition"].isin(["Normal", "Partial"])]
    df = df.drop_duplicates()
    print(len(df), "houses left")

    # Cell 18
    # 0 means "not recorded" here: every house has a street in front of it somewhere
    df["Lot_Frontage"] = df["Lot_Frontage"].replace(0, np.nan)
    print(df["Lot_Frontage"].isna().sum(), "houses without frontage")

    df["Lot_Frontage"] = df["Lot_Frontage"].fillna(
        df.groupby("Neighborhood")["Lot_Frontage"].transform("median")
    )
    df.fillna(
        {"Lot_Frontage": df["Lot_Frontage"].median()}, inplace=True
    )  # neighborhoods without any

    # Cell 19
    df["Overall_Cond"] = df["Overall_Cond"].map(QUALITY)
    df["Heating_QC"] = df["Heating_QC"].map(QUALITY)
    df["Central_Air"] = (df["Central_Air"] == "Y").astype(int)
    return df


def features(df: pd.DataFrame) -> pd.DataFrame:
    """Features.

    What counts is how old the house was when it was sold, and the neighbourhood. Small
    neighbourhoods are thrown together, otherwise a column would stand for two or three
    houses.
    """
    # Cell 22
    df = add_age(df)
    df["Neighborhood"] = group_rare(df["Neighborhood"])
    df["MS_Zoning"] = group_rare(df["MS_Zoning"])
    df["Garage_Type"] = group_rare(df["Garage_Type"])
    df["Baths"] = df["Full_Bath"] + 0.5 * df["Half_Bath"]

    # Cell 23
    df = df.drop(
        columns=[
            "Year_Built",
            "Year_Remod_Add",
            "Full_Bath",
            "Half_Bath",
            "Sale_Condition",
            "House_Style",
        ]
    )

    # Cell 24
    df = pd.get_dummies(
        df,
        columns=[
            "MS_Zoning",
            "Lot_Shape",
            "Neighborhood",
            "Bldg_Type",
            "Foundation",
            "Bsmt_Exposure",
            "Garage_Type",
        ],
        drop_first=True,
    )
    return df


def train_test_split_scaling(
    df: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Any, Any]:
    """Train/test split and scaling.

    Returns:
        ``X``, ``X_train``, ``X_test``, ``y_train`` and ``y_test``.
    """
    # Cell 27
    X = df.drop(columns=TARGET)
    y = df[TARGET]
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=TEST_SIZE, random_state=RANDOM_STATE
    )
    return X, X_train, X_test, y_train, y_test


def build_features(X_train: pd.DataFrame, X_test: pd.DataFrame) -> tuple[StandardScaler, Any, Any]:
    """Build features.

    Returns:
        ``scaler``, ``X_train_scaled`` and ``X_test_scaled``.
    """
    # Cell 28
    scaler = StandardScaler()
    X_train_scaled = scaler.fit_transform(X_train)
    X_test_scaled = scaler.transform(X_test)
    return scaler, X_train_scaled, X_test_scaled


def two_models(
    X_train_scaled: Any, y_train: Any, X_test_scaled: Any, y_test: Any
) -> tuple[Ridge, Any, GradientBoostingRegressor, Any]:
    """Two models.

    A ridge regression as the baseline, then boosted trees with their default settings.

    Returns:
        ``ridge``, ``ridge_pred``, ``gbr`` and ``gbr_pred``.
    """
    # Cell 31
    ridge = Ridge(alpha=10.0)
    ridge.fit(X_train_scaled, y_train)
    ridge_pred = ridge.predict(X_test_scaled)
    print(
        "Ridge     RMSE",
        round(rmse(y_test, ridge_pred)),
        " R2",
        round(r2_score(y_test, ridge_pred), 3),
    )

    # Cell 32
    gbr = GradientBoostingRegressor(random_state=RANDOM_STATE)
    gbr.fit(X_train_scaled, y_train)
    gbr_pred = gbr.predict(X_test_scaled)
    print(
        "Boosting  RMSE", round(rmse(y_test, gbr_pred)), " R2", round(r2_score(y_test, gbr_pred), 3)
    )
    return ridge, ridge_pred, gbr, gbr_pred


def train_model(
    X_train_scaled: Any, y_train: Any, X_test_scaled: Any
) -> tuple[GradientBoostingRegressor, Any]:
    """Final model.

    The trees win. Smaller steps, more of them and a little randomness make them better
    still.

    Returns:
        ``final_model`` and ``y_pred``.
    """
    # Cell 34
    final_model = GradientBoostingRegressor(
        n_estimators=400,
        learning_rate=0.05,
        max_depth=4,
        subsample=0.7,
        random_state=RANDOM_STATE,
    )
    final_model.fit(X_train_scaled, y_train)
    y_pred = final_model.predict(X_test_scaled)
    return final_model, y_pred


def evaluate_model(
    y_test: Any, y_pred: Any, ridge_pred: Any, gbr_pred: Any
) -> tuple[float, float, float]:
    """Evaluate model.

    Returns:
        ``final_rmse``, ``final_mae`` and ``final_r2``.
    """
    # Cell 35
    final_rmse = rmse(y_test, y_pred)
    final_mae = float(mean_absolute_error(y_test, y_pred))
    final_r2 = float(r2_score(y_test, y_pred))

    print(f"RMSE {final_rmse:,.0f} dollars")
    print(f"MAE  {final_mae:,.0f} dollars")
    print(f"R2   {final_r2:.3f}")

    # Cell 36
    comparison = pd.DataFrame(
        {
            "model": ["Ridge", "Boosting", "Boosting, tuned"],
            "RMSE": [rmse(y_test, ridge_pred), rmse(y_test, gbr_pred), final_rmse],
            "R2": [r2_score(y_test, ridge_pred), r2_score(y_test, gbr_pred), final_r2],
        }
    )
    return final_rmse, final_mae, final_r2


def where_is_it_wrong(
    y_test: Any, y_pred: Any, final_model: GradientBoostingRegressor, X: pd.DataFrame
) -> None:
    """Where is it wrong?"""
    # Cell 38
    fig, axes = plt.subplots(1, 2, figsize=(11, 4))
    axes[0].scatter(y_test / 1000, y_pred / 1000, s=10, alpha=0.5)
    axes[0].plot([50, 600], [50, 600], color="grey", lw=1)
    axes[0].set(
        title="Predicted and real price", xlabel="real (thousand dollars)", ylabel="predicted"
    )
    axes[1].hist((y_test - y_pred) / 1000, bins=40, color="steelblue")
    axes[1].set(title="Error", xlabel="real minus predicted (thousand dollars)")
    plt.tight_layout()
    plt.show()

    # Cell 39
    importances = pd.Series(final_model.feature_importances_, index=X.columns).sort_values()
    importances.tail(12).plot.barh(
        figsize=(7, 4), color="steelblue", title="Most important features"
    )


def evaluate_houses(
    X_test: pd.DataFrame,
    final_model: GradientBoostingRegressor,
    scaler: StandardScaler,
    y_test: Any,
) -> None:
    """Some houses.

    The first houses of the test set, as somebody would ask for them:
    """
    # Cell 41
    houses = X_test.head(5)
    prices = final_model.predict(scaler.transform(houses))
    pd.DataFrame({"predicted": prices.round(-2), "sold for": y_test.head(5)})
