"""Rules about models whose scores promise more than they will keep."""

from __future__ import annotations

from nbprod.analysis.rulebook.rule import WARNING, Rule

LEARNING = (
    Rule(
        "fit-before-split",
        WARNING,
        "Something is fitted on all rows before they are split.",
        "Split first and fit on the training rows, or put both into one Pipeline.",
        why=(
            "The test rows have then shaped what the model is trained on, so that the score "
            "on them is better than it will be on new data."
        ),
        bad=(
            "X = StandardScaler().fit_transform(X)\n"
            "X_train, X_test, y_train, y_test = train_test_split(X, y)"
        ),
        good=(
            "X_train, X_test, y_train, y_test = train_test_split(X, y)\n"
            "scaler = StandardScaler().fit(X_train)"
        ),
    ),
    Rule(
        "statistics-before-split",
        WARNING,
        "A statistic over all rows goes into the rows before they are split.",
        "Compute it on the training rows after the split, or use an imputer in a Pipeline.",
        why="The test rows shape the features that the model is trained on.",
        bad="df['age'] = df['age'].fillna(df['age'].mean())\ntrain, test = train_test_split(df)",
        good=(
            "train, test = train_test_split(df)\n"
            "mean = train['age'].mean()\n"
            "train, test = train.fillna({'age': mean}), test.fillna({'age': mean})"
        ),
    ),
    Rule(
        "fit-on-test-data",
        WARNING,
        "Something is fitted on the test rows.",
        "Fit on the training rows; only transform or predict the test rows.",
        why=(
            "A scaler fitted on the test rows gives other numbers than the one the model "
            "was trained with; a model fitted on them cannot be judged by them."
        ),
        bad="X_test = scaler.fit_transform(X_test)",
        good="X_test = scaler.transform(X_test)",
    ),
    Rule(
        "target-in-features",
        WARNING,
        "The target is among the features that the model is fitted on.",
        "Leave its column out of the features.",
        why="The model learns to copy the answer, which it will not have when it is used.",
        bad="X, y = df, df['price']\nmodel.fit(X, y)",
        good="X, y = df.drop(columns='price'), df['price']\nmodel.fit(X, y)",
    ),
    Rule(
        "evaluated-on-training-data",
        WARNING,
        "The model is judged only by the rows it was fitted on.",
        "Hold rows back with train_test_split, or use cross_val_score.",
        why="Such a score tells how well the model remembers, not how well it predicts.",
        bad="model.fit(X, y)\nprint(model.score(X, y))",
        good="model.fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
    ),
    Rule(
        "unseeded-randomness",
        WARNING,
        "Randomness without a seed reaches the model.",
        "Give random_state a number (or seed the generator above).",
        why="Each run then gives another model, so that no result can be repeated or compared.",
        bad="X_train, X_test = train_test_split(X)",
        good="X_train, X_test = train_test_split(X, random_state=0)",
    ),
)
