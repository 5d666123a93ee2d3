"""The order of the steps of churn.ipynb, and what flows between them."""

from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from churn import steps
from churn.parameters import Parameters


@dataclass(frozen=True)
class Results:
    """What the pipeline gives: its models and metrics."""

    model: Pipeline
    accuracy: Any
    precision: Any
    recall: Any
    f1: Any
    roc_auc: Any


def run(parameters: Parameters | None = None) -> Results:
    """Run all steps, in the notebook's order.

    Args:
        parameters: What differs from the notebook; its own values if omitted.
    """
    parameters = parameters or Parameters()
    customers = steps.load_data(data_path=parameters.data_path)
    steps.explore(customers)
    features, target = steps.prepare(customers, drop_charges=parameters.drop_charges)
    X_train, X_test, y_train, y_test = steps.split(
        features, target, test_size=parameters.test_size, random_state=parameters.random_state
    )
    model = steps.train(
        X_train,
        y_train,
        random_state=parameters.random_state,
        n_estimators=parameters.n_estimators,
        max_depth=parameters.max_depth,
        min_samples_leaf=parameters.min_samples_leaf,
    )
    predicted, probability, accuracy, precision, recall, f1, roc_auc = steps.evaluate(
        model, X_test, y_test
    )
    steps.plots(y_test, predicted, probability, model)
    return Results(
        model=model, accuracy=accuracy, precision=precision, recall=recall, f1=f1, roc_auc=roc_auc
    )
