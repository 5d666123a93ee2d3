"""The steps of churn.ipynb, one function each, in its order."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    RocCurveDisplay,
    accuracy_score,
    classification_report,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def load_data(*, data_path: str) -> pd.DataFrame:
    """Load the data."""
    # Cell 6
    customers = pd.read_csv(data_path)
    print(f"{len(customers):,} customers, {customers.shape[1]} columns")
    return customers


def explore(customers: pd.DataFrame) -> None:
    """A first look.

    About one customer in seven leaves. With classes this uneven, a model that says
    "stays" to everyone is already 86 % accurate, so accuracy alone will not tell us
    much.
    """
    # Cell 8
    balance = customers["churn"].value_counts()

    fig, ax = plt.subplots(figsize=(6, 2.2))
    bars = ax.barh(balance.index, balance.to_numpy(), color=["#4c72b0", "#dd8452"])
    ax.bar_label(
        bars, labels=[f"{count:,} ({count / len(customers):.0%})" for count in balance], padding=4
    )
    ax.set(title="Did the customer leave?", xlabel="customers", xlim=(0, 5_600))
    plt.show()

    # Cell 9
    # People who keep calling customer service are unhappy: the rate jumps at four calls.
    left = customers["churn"].eq("yes")
    rate = left.groupby(customers["number_customer_service_calls"].clip(upper=6)).mean()

    fig, ax = plt.subplots(figsize=(6, 3))
    ax.bar(rate.index, rate.to_numpy(), color="#dd8452")
    ax.axhline(left.mean(), color="grey", linestyle="--", linewidth=1, label="all customers")
    ax.set(
        title="Churn by calls to customer service",
        xlabel="calls (6 = six or more)",
        ylabel="share that left",
    )
    ax.legend()
    plt.show()


def prepare(customers: pd.DataFrame, *, drop_charges: bool) -> tuple[pd.DataFrame, pd.Series]:
    """Prepare the features.

    Yes/no plans become booleans and the area code loses its prefix. The four charge
    columns are the minutes times a fixed tariff, so they carry nothing new; by default
    we leave them out.

    Returns:
        ``features`` and ``target``.
    """
    # Cell 11
    features = customers.drop(columns="churn")
    features["international_plan"] = features["international_plan"].eq("yes")
    features["voice_mail_plan"] = features["voice_mail_plan"].eq("yes")
    features["area_code"] = features["area_code"].str.removeprefix("area_code_")

    # Cell 12
    charges = [column for column in features.columns if column.endswith("_charge")]
    if drop_charges:
        features = features.drop(columns=charges)

    target = customers["churn"]
    return features, target


def split(
    features: pd.DataFrame, target: pd.Series, *, test_size: float, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """Train and test.

    The split is stratified: both parts have the same share of customers who left.

    Returns:
        ``X_train``, ``X_test``, ``y_train`` and ``y_test``.
    """
    # Cell 14
    X_train, X_test, y_train, y_test = train_test_split(
        features, target, test_size=test_size, stratify=target, random_state=random_state
    )
    print(f"{len(X_train):,} customers to train on, {len(X_test):,} to test on")
    return X_train, X_test, y_train, y_test


def train(
    X_train: pd.DataFrame,
    y_train: pd.Series,
    *,
    random_state: int,
    n_estimators: int,
    max_depth: int,
    min_samples_leaf: int,
) -> Pipeline:
    """Train.

    Categories are one-hot encoded (a state the model has never seen is simply all
    zeros), numbers are scaled, booleans pass through. Preparation and forest live in
    one `Pipeline`, so whoever uses the model can hand it plain rows.
    """
    # Cell 16
    categorical = ["state", "area_code"]
    boolean = ["international_plan", "voice_mail_plan"]
    numeric = [column for column in X_train.columns if column not in categorical + boolean]

    # Cell 17
    preparation = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), categorical),
            ("numbers", StandardScaler(), numeric),
            ("plans", "passthrough", boolean),
        ]
    )
    forest = RandomForestClassifier(
        n_estimators=n_estimators,
        max_depth=max_depth,
        min_samples_leaf=min_samples_leaf,
        class_weight="balanced",
        random_state=random_state,
        n_jobs=1,
    )
    model = Pipeline([("preparation", preparation), ("forest", forest)])
    model.fit(X_train, y_train)
    return model


def evaluate(
    model: Pipeline, X_test: pd.DataFrame, y_test: pd.Series
) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """How good is it?

    All numbers below are for customers the model has not seen.

    Returns:
        ``predicted``, ``probability``, ``accuracy``, ``precision``, ``recall``, ``f1``
        and ``roc_auc``.
    """
    # Cell 19
    predicted = model.predict(X_test)
    leaving = list(model.classes_).index("yes")
    probability = model.predict_proba(X_test)[:, leaving]

    print(classification_report(y_test, predicted, digits=3))

    # Cell 20
    accuracy = accuracy_score(y_test, predicted)
    precision = precision_score(y_test, predicted, pos_label="yes")
    recall = recall_score(y_test, predicted, pos_label="yes")
    f1 = f1_score(y_test, predicted, pos_label="yes")
    roc_auc = roc_auc_score(y_test == "yes", probability)

    print(
        f"accuracy {accuracy:.3f}   precision {precision:.3f}   recall {recall:.3f}   f1 {f1:.3f}   ROC AUC {roc_auc:.3f}"
    )
    return predicted, probability, accuracy, precision, recall, f1, roc_auc


def plots(y_test: pd.Series, predicted: Any, probability: Any, model: Pipeline) -> None:
    """Plots.

    Left, who is mistaken for whom. Right, how many of the leaving customers we find for
    how many false alarms.
    """
    # Cell 22
    fig, (left_ax, right_ax) = plt.subplots(1, 2, figsize=(10, 4))
    ConfusionMatrixDisplay.from_predictions(
        y_test, predicted, ax=left_ax, cmap="Blues", colorbar=False
    )
    left_ax.set_title("Confusion matrix")
    RocCurveDisplay.from_predictions(
        y_test, probability, pos_label="yes", ax=right_ax, name="forest"
    )
    right_ax.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    right_ax.set_title("ROC curve")
    fig.tight_layout()
    plt.show()

    # Cell 23
    # The ten features the forest leans on most.
    importance = pd.Series(
        model.named_steps["forest"].feature_importances_,
        index=model.named_steps["preparation"].get_feature_names_out(),
    ).nlargest(10)

    fig, ax = plt.subplots(figsize=(7, 3.5))
    ax.barh(importance.index[::-1], importance.to_numpy()[::-1], color="#4c72b0")
    ax.set(title="What matters most", xlabel="importance")
    fig.tight_layout()
    plt.show()
