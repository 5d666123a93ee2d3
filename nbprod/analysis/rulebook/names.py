"""Rules about names that do not exist when they are read."""

from __future__ import annotations

from nbprod.analysis.rulebook.rule import ERROR, WARNING, Rule

NAMES = (
    Rule(
        "undefined-name",
        ERROR,
        "A name is read that no cell binds.",
        "Bind it in an earlier cell, or import it.",
        why=(
            "It works in a kernel that still remembers a cell which has been deleted since, "
            "and nowhere else."
        ),
        bad="print(scaler.mean_)  # the cell with scaler = … is gone",
        good="scaler = StandardScaler().fit(X)\nprint(scaler.mean_)",
    ),
    Rule(
        "used-before-definition",
        ERROR,
        "A name is read before the cell that binds it.",
        "Move the cell that binds it up.",
        why="Run from top to bottom, the notebook fails here.",
        bad="# cell 2\nmodel.predict(X)\n# cell 5\nmodel = LinearRegression().fit(X, y)",
        good="# cell 2\nmodel = LinearRegression().fit(X, y)\n# cell 5\nmodel.predict(X)",
    ),
    Rule(
        "skipped-name",
        ERROR,
        "A name is read that only a cell tagged skip binds.",
        "Remove the skip tag, or bind the name elsewhere.",
        why="nbprod never executes a cell tagged skip.",
    ),
    Rule(
        "deleted-name",
        ERROR,
        "A name is read after it was deleted.",
        "Move the del below its last use.",
        bad="del df\ndf.head()",
        good="df.head()\ndel df",
    ),
    Rule(
        "maybe-undefined-name",
        WARNING,
        "A name that no cell binds is read in code that may not be executed.",
        "Bind it, or remove that code.",
        why="It fails on the day that the condition holds or the function is called.",
        bad="if debug:\n    show(frame)",
        good="if debug:\n    print(df.head())",
    ),
)
