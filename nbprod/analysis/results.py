"""What a pipeline hands back: metrics and fitted models."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from nbprod.analysis.survey import CellFacts, Survey
from nbprod.analysis.value import SCALAR_TYPES, Value

_SCORES = ("_score", "_error", "_loss", "_coef")
_SCORE_NAMES = frozenset({"score", "auc", "matthews_corrcoef"})
_TABLES = frozenset({"pandas.DataFrame", "pandas.Series", "numpy.ndarray"})
_NO_MODELS = (
    frozenset(
        {"list", "dict", "tuple", "set", "function", "class", "generator", "parts"}
        | {"pandas.DataFrame", "pandas.Series", "pandas.Index", "numpy.ndarray"}
    )
    | SCALAR_TYPES
)
_NO_METRICS = frozenset({"function", "class", "generator", "iterator", "coroutine"})
# What people call a metric that they compute by hand.
_METRIC_WORDS = frozenset(
    {"acc", "accuracy", "auc", "f1", "mae", "mape", "mse", "precision", "r2", "recall", "rmse"}
)
_WRAPPERS = frozenset({"round", "float", "int", "sqrt", "mean", "abs"})


def score_functions(cells: Sequence[CellFacts]) -> frozenset[str] | None:
    """Return the author's own functions that return a score, such as ``def rmse(y, p)``.

    ``None`` if a cell is tagged as metrics: then nothing is to be inferred.
    """
    if any(facts.role.metrics for facts in cells):
        return None
    found: set[str] = set()
    for facts in cells:
        for statement in facts.statements:
            if isinstance(statement, ast.FunctionDef):
                returned = [
                    node.value
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Return) and node.value is not None
                ]
                if returned and all(_is_score(value, found) for value in returned):
                    found.add(statement.name)
    return frozenset(found)


def metric_names(facts: CellFacts, scores: frozenset[str] | None) -> list[str]:
    """Return the names of metrics that a cell assigns.

    Args:
        facts: The cell.
        scores: From :func:`score_functions`; names assigned from such calls, or from
            scikit-learn's, are metrics too. ``None``: only what is tagged is.
    """
    if facts.role.metrics:
        assigned = [
            name
            for name in facts.names.lines
            if name in facts.names.maybe and not name.startswith("_") and _is_metric(facts, name)
        ]
        return assigned or printed_metrics(facts)
    if scores is None:
        return []
    return [
        name
        for statement in facts.statements
        for name in _scores(statement, scores)
        if _is_metric(facts, name)
    ]


def printed_metrics(facts: CellFacts) -> list[str]:
    """Return the variables that a cell with Kale's tag for metrics prints: ``print(accuracy)``."""
    if not facts.role.printed_metrics:
        return []
    calls = [
        each.value
        for each in facts.statements
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
    ]
    return [
        argument.id
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "print"
        for argument in call.args
        if isinstance(argument, ast.Name)
    ]


def _is_metric(facts: CellFacts, name: str) -> bool:
    value = facts.values.get(name)
    if value is None or value.type.startswith("name:") or value.type in _NO_METRICS:
        return False
    return value.type not in _TABLES and not value.type.startswith("user:")


def _scores(statement: ast.stmt, scores: frozenset[str]) -> list[str]:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return []
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Name):
        return []
    computed = isinstance(value, ast.Call | ast.BinOp)
    by_name = computed and bool(_METRIC_WORDS & set(target.id.lower().split("_")[-1:]))
    return [target.id] if by_name or _is_score(value, scores) else []


def _is_score(node: ast.expr, scores: Collection[str]) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_score(node.left, scores)
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in _WRAPPERS:
        return any(_is_score(each, scores) for each in node.args) or (
            isinstance(function, ast.Attribute) and _is_score(function.value, scores)
        )
    known = name in _SCORE_NAMES or name in scores or name.endswith(_SCORES)
    return known and name != "cross_val_score"


def model_names(survey: Survey) -> list[str]:
    """Return the variables that hold fitted estimators when the notebook ends."""
    fitted: set[int] = set()
    order: dict[str, int] = {}
    for position, facts in enumerate(survey.cells):
        fitted |= facts.trace.fitted
        order.update(dict.fromkeys(facts.names.maybe, position))
    direct = {name for facts in survey.cells for name in facts.trace.fitted_names}
    loose = _loop_names(survey) - direct
    found = [
        name
        for name, value in survey.values.items()
        if name not in loose and not name.startswith("_") and _is_model(value, fitted)
    ]
    return sorted(found, key=lambda name: (order.get(name, 0), name))


def _loop_names(survey: Survey) -> set[str]:
    """Names that only loops bind: they hold the last of many."""
    loops: set[str] = set()
    others: set[str] = set()
    for facts in survey.cells:
        targets = {
            id(node)
            for each in facts.nodes
            if isinstance(each, ast.For)
            for node in ast.walk(each.target)
        }
        for node in facts.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                (loops if id(node) in targets else others).add(node.id)
    return loops - others


def _is_model(value: Value, fitted: set[int]) -> bool:
    if value.type in _NO_MODELS or value.type.startswith("name:"):
        return False
    return bool(value.own & fitted)


def assigned_metrics(cells: Sequence[CellFacts], scores: frozenset[str] | None) -> list[str]:
    """Return the metrics of several cells, each once."""
    return list(dict.fromkeys(name for facts in cells for name in metric_names(facts, scores)))
