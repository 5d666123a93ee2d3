"""The steps of penguins.ipynb, one function each, in its order."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def prepare() -> tuple[list[Any], list[Any]]:
    """Prepare.

    Returns:
        ``MEASURES`` and ``TRAITS``.
    """
    # Cell 3
    MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    TRAITS = ["island", "sex"]
    return MEASURES, TRAITS


def load_data(*, data: str, seed: int) -> pd.DataFrame:
    """The birds."""
    # Cell 5
    penguins = pd.read_csv(data)
    penguins.sample(5, random_state=seed)

    # Cell 6
    (
        penguins.groupby("species")
        .agg(
            birds=("species", "size"),
            sex_unknown=("sex", lambda sex: sex.isna().sum()),
            not_measured=("body_mass_g", lambda mass: mass.isna().sum()),
        )
        .sort_values("birds", ascending=False)
    )
    return penguins


def explore(penguins: pd.DataFrame) -> None:
    """Explore ``penguins``.

    Long and deep: Chinstrap. Long and shallow: Gentoo. Short: Adelie. Gentoos live on
    Biscoe only, Chinstraps on Dream only, so the island says a good deal as well.
    """
    # Cell 7
    grid = sns.relplot(
        data=penguins,
        x="bill_length_mm",
        y="bill_depth_mm",
        hue="species",
        style="species",
        col="island",
        height=3.2,
        aspect=0.9,
    )
    grid.set_axis_labels("bill length (mm)", "bill depth (mm)")
    plt.show()


def training_set_test_set(
    penguins: pd.DataFrame, MEASURES: list[Any], TRAITS: list[Any], *, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """Training set and test set.

    Returns:
        ``birds_train``, ``birds_test``, ``species_train`` and ``species_test``.
    """
    # Cell 10
    birds = penguins[MEASURES + TRAITS]
    species = penguins["species"]
    birds_train, birds_test, species_train, species_test = train_test_split(
        birds, species, test_size=0.3, stratify=species, random_state=seed
    )
    return birds_train, birds_test, species_train, species_test


def two_candidates(
    MEASURES: list[Any],
    TRAITS: list[Any],
    birds_train: pd.DataFrame,
    species_train: pd.Series,
    *,
    folds: int,
    C: float,
    seed: int,
) -> dict[Any, Any]:
    """Two candidates.

    Missing measures are filled with the median, a missing sex is a category of its own.
    """

    # Cell 12
    def recipe(classifier: BaseEstimator) -> Pipeline:
        """A pipeline that fills in, scales and encodes before it classifies."""
        return make_pipeline(
            make_column_transformer(
                (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), MEASURES),
                (
                    make_pipeline(
                        SimpleImputer(strategy="constant", fill_value="unknown"),
                        OneHotEncoder(handle_unknown="ignore"),
                    ),
                    TRAITS,
                ),
            ),
            classifier,
        )

    # Cell 13
    candidates = {
        "logistic regression": recipe(LogisticRegression(C=C, max_iter=1000)),
        "random forest": recipe(
            RandomForestClassifier(n_estimators=60, random_state=seed, n_jobs=1)
        ),
    }
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)

    for name, candidate in candidates.items():
        scores = cross_val_score(candidate, birds_train, species_train, cv=splitter)
        print(f"{name:20} {scores.mean():.3f} ± {scores.std():.3f}")
    return candidates


def choice(
    candidates: dict[Any, Any],
    birds_train: pd.DataFrame,
    species_train: pd.Series,
    birds_test: pd.DataFrame,
) -> tuple[Any, Any]:
    """The choice.

    Both are nearly perfect. We take the logistic regression: it is smaller, and its
    probabilities are easier to trust.

    Returns:
        ``classifier`` and ``guessed``.
    """
    # Cell 15
    classifier = candidates["logistic regression"]
    classifier.fit(birds_train, species_train)
    guessed = classifier.predict(birds_test)
    return classifier, guessed


def birds_never_seen(
    species_test: pd.Series, guessed: Any, classifier: Any, birds_test: pd.DataFrame
) -> None:
    """On birds it has never seen."""
    # Cell 17
    print(classification_report(species_test, guessed, digits=3))

    report = classification_report(species_test, guessed, output_dict=True)
    accuracy, macro_f1 = report["accuracy"], report["macro avg"]["f1-score"]

    # Cell 18
    labels = list(classifier.classes_)
    mistakes = pd.DataFrame(
        confusion_matrix(species_test, guessed, labels=labels), index=labels, columns=labels
    )

    fig, ax = plt.subplots(figsize=(4.2, 3.4))
    sns.heatmap(mistakes, annot=True, fmt="d", cmap="Blues", cbar=False, square=True, ax=ax)
    ax.set(xlabel="guessed", ylabel="real", title=f"{accuracy:.1%} right")
    fig.tight_layout()
    plt.show()

    # Cell 19
    # The birds it was least sure about
    sureness = classifier.predict_proba(birds_test).max(axis=1)
    birds_test.assign(species=species_test, guessed=guessed, sureness=sureness.round(3)).nsmallest(
        5, "sureness"
    )
