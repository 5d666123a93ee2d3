"""Model facts: what packaging and the service need to know of each fitted model.

At ``fit`` the data is described and up to 1,000 rows are kept; at the end of the run
the model answers them in its own kernel, and all is written to
``models/<variable>/``. No row beyond those, and no data object, outlives its cell.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Collection, Mapping
from typing import Any

from . import describe as description_of
from . import observe, provenance, sampling, withheld

ROW_LIMIT = 1000


def describe(
    estimator: Any, features: Any, target: Any, chain: provenance.Chain | None
) -> dict[str, Any]:
    """Describe the data of a fit.

    Args:
        estimator: What was fitted.
        features: What ``fit`` received, one row per sample.
        target: The labels it received, or ``None``.
        chain: The observed transformations behind ``features``.

    Returns:
        ``received`` (sample rows as ``fit`` received them), ``positions``,
        ``n_rows``, ``own`` (the description of ``features``), and with a chain
        ``origin`` (that of the data which entered the chain) and ``transformers``.
    """
    positions = [int(row) for row in sampling.choose_rows(features, target, ROW_LIMIT)]
    found: dict[str, Any] = {
        "positions": positions,
        "n_rows": _length(features),
        "received": description_of.take_rows(features, positions),
        "own": _table_facts(features, target, estimator, positions),
    }
    if chain is not None:
        found["origin"] = _table_facts(chain.features, target, estimator, positions)
        found["entered"] = description_of.take_rows(chain.features, positions)
        found["transformers"] = chain.transformers
    return found


def _length(table: Any) -> int:
    shape = getattr(table, "shape", None)
    return int(shape[0]) if shape else len(table)


def _table_facts(table: Any, target: Any, estimator: Any, positions: list[int]) -> dict[str, Any]:
    facts = description_of.describe_frame(table, target, estimator)
    unsupported = facts["contract"].get("unsupported")
    rows = [] if unsupported else description_of.rows_as_json(table, positions)
    return {"contract": facts["contract"], "profile": facts["profile"], "rows": rows}


def write_models(
    variables: Mapping[str, Any], folder: str, known: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Write ``models/<variable>/`` for every fitted model that a variable holds.

    Args:
        variables: The notebook's variables at the end of the run.
        folder: The run's ``models`` folder.
        known: Variables that are left out.

    Returns:
        One document per model: ``variable``, ``class``, ``aliases``, ``folder``, and
        ``problem``, which is empty unless its facts could not be learned.
    """
    found: list[dict[str, Any]] = []
    for names, estimator in fitted(variables):
        if names[0] in known:
            continue
        fit = observe.fit_of(estimator)
        document = {
            "variable": names[0],
            "class": f"{type(estimator).__module__}.{type(estimator).__qualname__}",
            "aliases": names[1:],
            "cell": fit.cell if fit else 0,
            "fit_order": fit.order if fit else 0,
            "folder": "",
            "problem": "",
        }
        try:
            if fit is None:
                document["problem"] = "its fit call was not seen"
            elif fit.description is None:
                document["problem"] = fit.problem or "its data was not described"
            else:
                _write_model(document, estimator, fit.description, variables, folder)
                document["folder"] = "" if document["problem"] else names[0]
        except withheld.SecretError as error:
            withheld.note(f"what the model `{names[0]}` was fitted on", error.secret)
            document["problem"] = f"the data it was fitted on holds the secret {error.secret}"
        except Exception as error:
            document["problem"] = f"{type(error).__name__}: {error}"
        found.append(document)
    return found


def fitted(variables: Mapping[str, Any]) -> list[tuple[list[str], Any]]:
    """Group the variables that hold a fitted model by the model they hold."""
    groups: dict[int, tuple[list[str], Any]] = {}
    for name, value in variables.items():
        if isinstance(value, type) or not callable(getattr(type(value), "predict", None)):
            continue
        if observe.fit_of(value) is not None or _looks_fitted(value):
            groups.setdefault(id(value), ([], value))[0].append(name)
    return list(groups.values())


def _looks_fitted(estimator: Any) -> bool:
    validation = sys.modules.get("sklearn.utils.validation")
    if validation is None or not hasattr(estimator, "get_params"):
        return False
    try:
        validation.check_is_fitted(estimator)
    except Exception:
        return False
    return True


def _write_model(
    document: dict[str, Any],
    estimator: Any,
    described: dict[str, Any],
    variables: Mapping[str, Any],
    folder: str,
) -> None:
    expected = _answers(estimator, described["received"])
    rows, answers = len(described["positions"]), len(expected["predictions"])
    if answers != rows:
        document["problem"] = f"`predict` gives {answers} answers for {rows} rows"
        return
    facts, note = described["own"], ""
    chain: list[str] = []
    if "origin" in described:
        chain, note = _chain_names(described, estimator, expected, variables)
        if chain:
            facts = described["origin"]
    document.update(
        chain=chain,
        chain_note=note,
        n_rows=described["n_rows"],
        rows_positions=described["positions"],
    )
    own = os.path.join(folder, document["variable"])
    os.makedirs(own, exist_ok=True)
    for name, content in (
        ("contract", facts["contract"]),
        ("profile", facts["profile"]),
        ("rows", facts["rows"]),
        ("expected", expected),
        ("facts", {key: document[key] for key in document if key not in ("folder", "problem")}),
    ):
        _write_json(os.path.join(own, f"{name}.json"), content)


def _chain_names(
    described: dict[str, Any],
    estimator: Any,
    expected: dict[str, Any],
    variables: Mapping[str, Any],
) -> tuple[list[str], str]:
    """Name the transformers of a chain, in the order in which they are applied.

    The chain counts only if it gives the rows that ``fit`` received the same answers.
    """
    names: list[str] = []
    rows = described["entered"]
    for transformer in described["transformers"]:
        name = next((name for name, value in variables.items() if value is transformer), None)
        if name is None:
            kind = type(transformer).__name__
            return [], f"the {kind} applied before fit is bound to no variable at the end"
        names.append(name)
        rows = transformer.transform(rows)
    received = described["received"]
    if hasattr(received, "columns") and not hasattr(rows, "columns"):
        rows = type(received)(rows, columns=received.columns, index=received.index)
    if not _same_answers(_answers(estimator, rows), expected):
        return [], f"{' and '.join(names)} no longer give the rows that fit received"
    return names, ""


def _answers(estimator: Any, rows: Any) -> dict[str, Any]:
    """Let the model answer: ``predictions``, ``probabilities`` and ``classes``."""
    predict_proba = getattr(estimator, "predict_proba", None)
    return description_of.outputs_as_json(
        estimator.predict(rows),
        None if predict_proba is None else predict_proba(rows),
        getattr(estimator, "classes_", None),
    )


def _same_answers(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (float, int)):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_answers, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_answers(one[k], other[k]) for k in one)
    return bool(one == other)


def _write_json(path: str, content: Any) -> None:
    beside = f"{path}.part"
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    withheld.require_none(text.encode("utf-8", "surrogatepass"))
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
