"""What a cell is for, by what it calls."""

from __future__ import annotations

import ast
from enum import StrEnum

from nbprod.analysis.effects import effects_of
from nbprod.analysis.survey import CellFacts


class Role(StrEnum):
    """The parts of a machine-learning notebook."""

    LOAD = "load"
    CLEAN = "clean"
    EXPLORE = "explore"
    FEATURES = "features"
    SPLIT = "split"
    TRAIN = "train"
    EVALUATE = "evaluate"
    METRICS = "metrics"
    OTHER = "other"


_LOADERS = (
    "pandas.read_",
    "sklearn.datasets.",
    "seaborn.load_dataset",
    "numpy.loadtxt",
    "numpy.genfromtxt",
)
_PLOTS = ("matplotlib.", "seaborn.", "plotly.", "altair.")
_DRAWN = frozenset({"plot", "hist", "boxplot", "scatter", "imshow", "barplot", "histplot"})
_LOOKS = frozenset(
    {"info", "describe", "head", "tail", "value_counts", "corr", "nunique", "unique"}
) | {"sample", "crosstab", "pivot_table", "isnull", "isna"}
_CLEANERS = frozenset(
    [
        "fillna",
        "dropna",
        "drop_duplicates",
        "replace",
        "astype",
        "rename",
        "interpolate",
        "ffill",
        "bfill",
        "drop",
        "clip",
    ]
)
_FEATURES = frozenset(["transform", "fit_transform", "get_dummies", "cut", "qcut", "map"])
_TRANSFORMERS = (
    "sklearn.preprocessing",
    "sklearn.feature_",
    "sklearn.decomposition",
    "sklearn.impute",
    "sklearn.compose",
)
_EVALUATIONS = frozenset(["predict", "predict_proba", "score", "decision_function"])
_CROSS = frozenset({"cross_val_score", "cross_validate", "cross_val_predict", "learning_curve"})
_SPLITS = frozenset({"train_test_split"})


def cell_roles(facts: CellFacts) -> frozenset[Role]:
    """Return all roles that the calls of a cell speak for."""
    found: set[Role] = set()
    looked_at = _looked_at(facts)
    for call in facts.trace.calls:
        owner, _, name = call.rpartition(".")
        if owner == "builtins":
            continue
        if call.startswith(_LOADERS):
            found.add(Role.LOAD)
        elif name in looked_at:
            found.add(Role.EXPLORE)
        elif "options" in effects_of([call]):
            continue  # how things look and are printed says nothing about the cell
        elif call.startswith(_PLOTS) or name in _DRAWN:
            found.add(Role.EXPLORE)
        elif name in _SPLITS:
            found.add(Role.SPLIT)
        elif name in {"fit", "partial_fit", "fit_predict"}:
            found.add(Role.FEATURES if owner.startswith(_TRANSFORMERS) else Role.TRAIN)
        elif name in _FEATURES or owner.startswith(_TRANSFORMERS):
            found.add(Role.FEATURES)
        elif owner == "sklearn.metrics" or name in _EVALUATIONS or name in _CROSS:
            found.add(Role.EVALUATE)
        elif name in _CLEANERS:
            found.add(Role.CLEAN)
        elif name in _LOOKS:
            found.add(Role.EXPLORE)
    if any(_sets_column(statement, facts) for statement in facts.statements):
        found.add(Role.FEATURES)
    return frozenset(found)


_ORDER = (
    Role.TRAIN,
    Role.EVALUATE,
    Role.SPLIT,
    Role.LOAD,
    Role.FEATURES,
    Role.CLEAN,
    Role.EXPLORE,
)


def main_role(roles: frozenset[Role]) -> Role:
    """Return the role that counts most."""
    return next((role for role in _ORDER if role in roles), Role.OTHER)


def _looked_at(facts: CellFacts) -> set[str]:
    """Return methods that prepare data of which nothing is kept: ``df.age.dropna().hist()``."""
    kept: set[str] = set()
    shown: set[str] = set()
    for statement in facts.statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                only_shown = isinstance(statement, ast.Expr) and not any(
                    word.arg in {"inplace", None} for word in node.keywords
                )
                (shown if only_shown else kept).add(node.func.attr)
    return (shown - kept) & (_CLEANERS | {"map", "cut", "qcut", "get_dummies"})


_TABLES = frozenset({"", "pandas.DataFrame", "pandas.Series", "numpy.ndarray"})


def _sets_column(statement: ast.stmt, facts: CellFacts) -> bool:
    """Whether a part of something is set that may be a frame: no option, dict, class or object."""
    for target in statement.targets if isinstance(statement, ast.Assign) else ():
        base: ast.expr = target
        if isinstance(target, ast.Attribute) and target.attr not in {"columns", "index"}:
            continue
        while isinstance(base, ast.Subscript | ast.Attribute):
            base = base.value
        if base is not target and isinstance(base, ast.Name):
            value = facts.values.get(base.id)
            if value is None or (not value.qualified and value.type in _TABLES):
                return True
    return False
