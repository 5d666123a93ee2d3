"""What a model predicts: task, classes, profile."""

# Values of any type are this module's business, and a kernel may be older than ours.

from __future__ import annotations

from typing import Any

from . import callers
from .plain import as_list, json_value
from .profiles import counts_profile, numbers_profile


def describe_target(y: Any, estimator: Any = None) -> dict[str, Any]:
    """Describe what a model predicts.

    Args:
        y: The target, or ``None``.
        estimator: The estimator; where it has ``classes_``, those are the classes.

    Returns:
        ``{"task", "classes", "outputs", "unsupported"}``; classes keep their JSON
        type (an integer label stays an integer, a boolean a boolean).
    """
    outputs = _outputs(y)
    task, classes, unsupported = "other", None, ""
    found = _classes_of(estimator)
    if outputs > 1:
        task = (
            "classification"
            if found is not None or _says(estimator, "classifier")
            else ("regression" if y is not None else "other")
        )
        found = None
    elif found is not None or _says(estimator, "classifier"):
        task = "classification"
        if found is None:
            found = _distinct(y)
    elif y is not None and (_says(estimator, "regressor") or _is_number_like(y)):
        task = "regression"
    elif y is not None and not _says(estimator, "clusterer") and not _says(estimator, "outlier"):
        task, found = "classification", _distinct(y)
    if found is not None and task == "classification":
        classes = [json_value(value) for value in found]
        if any(not isinstance(value, (bool, int, float, str)) for value in classes):
            unsupported = "the classes are neither text, numbers nor booleans"
            classes = None
    return {"task": task, "classes": classes, "outputs": outputs, "unsupported": unsupported}


def target_profile(y: Any, target: dict[str, Any]) -> dict[str, Any] | None:
    """Describe the values that a single target had; ``None`` if they cannot be."""
    if y is None or target["outputs"] != 1:
        return None
    try:
        values, missing = target_values(y)
        if target["task"] == "classification":
            return {"task": "classification", **counts_profile(values, missing)}
        return {"task": target["task"], **numbers_profile(values, missing)}
    except Exception:
        return None


def target_values(y: Any) -> tuple[Any, Any]:
    """Return the cells of a target (of its first column) and the mask of missing ones."""
    import numpy

    if hasattr(y, "isna"):
        flat = y.iloc[:, 0] if getattr(y, "ndim", 1) == 2 else y
        values = flat.to_numpy(dtype=object) if str(flat.dtype) == "category" else flat.to_numpy()
        return values, flat.isna().to_numpy(dtype=bool)
    values = numpy.asarray(y)
    values = values[:, 0] if values.ndim == 2 else values
    if values.dtype.kind == "f":
        return values, numpy.isnan(values)
    return values, numpy.zeros(len(values), dtype=bool)


def _outputs(y: Any) -> int:
    shape = getattr(y, "shape", None)
    if shape is not None:
        return int(shape[1]) if len(shape) == 2 else 1
    if isinstance(y, (list, tuple)) and y and isinstance(y[0], (list, tuple)):
        return len(y[0])
    return 1


def _classes_of(estimator: Any) -> list[Any] | None:
    if _computed_by_author(type(estimator), "classes_"):
        return None  # whatever it does, the notebook did not ask for it here
    try:
        classes = estimator.classes_
    except Exception:
        return None
    if isinstance(classes, list) and classes and hasattr(classes[0], "tolist"):
        return []  # several outputs: classes of each
    return as_list(classes) if hasattr(classes, "__len__") else None


def _computed_by_author(kind: type, name: str) -> bool:
    """Tell whether a class of the author's own computes an attribute when it is asked for it."""
    owner = next((each for each in kind.__mro__ if name in vars(each)), None)
    return (
        owner is not None
        and callers.is_of_author(owner)
        and hasattr(type(vars(owner)[name]), "__get__")
    )


def _says(estimator: Any, what: str) -> bool:
    """Ask scikit-learn's tags (or their older form) what an estimator is."""
    if estimator is None:
        return False
    try:
        kind = estimator.__sklearn_tags__().estimator_type
    except Exception:
        kind = getattr(estimator, "_estimator_type", None)
    return isinstance(kind, str) and kind.startswith(what)


def _is_number_like(y: Any) -> bool:
    try:
        values, missing = target_values(y)
        return values.dtype.kind == "f" and not bool(missing.all())
    except Exception:
        return False


def _distinct(y: Any) -> list[Any] | None:
    try:
        values, missing = target_values(y)
        found = list(dict.fromkeys(as_list(values[~missing])))
    except Exception:
        return None
    try:
        return sorted(found)
    except TypeError:
        return found
