"""The order of the steps of house_prices.ipynb, and what flows between them."""

from dataclasses import dataclass

from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from house_prices import steps
from house_prices.parameters import Parameters


@dataclass(frozen=True)
class Results:
    """What the pipeline gives: its models and metrics."""

    scaler: StandardScaler
    ridge: Ridge
    gbr: GradientBoostingRegressor
    final_model: GradientBoostingRegressor
    final_rmse: float
    final_mae: float
    final_r2: float


def run(parameters: Parameters | None = None) -> Results:
    """Run all steps, in the notebook's order.

    Args:
        parameters: What differs from the notebook; its own values if omitted.
    """
    steps.prepare()
    df = steps.load_data()
    steps.exploration(df)
    df = steps.cleaning(df)
    df = steps.features(df)
    X, X_train, X_test, y_train, y_test = steps.train_test_split_scaling(df)
    scaler, X_train_scaled, X_test_scaled = steps.build_features(X_train, X_test)
    ridge, ridge_pred, gbr, gbr_pred = steps.two_models(
        X_train_scaled, y_train, X_test_scaled, y_test
    )
    final_model, y_pred = steps.train_model(X_train_scaled, y_train, X_test_scaled)
    final_rmse, final_mae, final_r2 = steps.evaluate_model(y_test, y_pred, ridge_pred, gbr_pred)
    steps.where_is_it_wrong(y_test, y_pred, final_model, X)
    steps.evaluate_houses(X_test, final_model, scaler, y_test)
    return Results(
        scaler=scaler,
        ridge=ridge,
        gbr=gbr,
        final_model=final_model,
        final_rmse=final_rmse,
        final_mae=final_mae,
        final_r2=final_r2,
    )
