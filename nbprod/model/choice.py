"""Which of a run's fitted estimators is the model to serve."""

from __future__ import annotations

from dataclasses import dataclass

from nbprod.errors import UsageError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variable that held a fitted estimator with ``predict`` when the run ended.

    Attributes:
        variable: Its name in the notebook.
        class_name: Class of the estimator, such as ``RandomForestClassifier``.
        cell: Cell of its last fit; 0 if it was fitted outside the cells.
        fit_order: Position of its last fit among all fits of the run.
        chain: Variables of the fitted transformers its input went through, first applied first.
        aliases: Further variables that hold the same object.
        unsupported: Why it cannot be served; empty if it can.
    """

    variable: str
    class_name: str
    cell: int = 0
    fit_order: int = 0
    chain: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The model to serve, and the rule that chose it, in words for people."""

    candidate: Candidate
    reason: str


def choose_model(
    candidates: tuple[Candidate, ...], *, named: str = "", evaluated: frozenset[str] = frozenset()
) -> Choice:
    """Choose by the stated rule.

    The model named with ``--model`` or ``metadata.nbprod.model`` wins. Else it is the
    estimator fitted last among those that the metrics are computed from; if that
    says nothing, the estimator fitted last.

    Args:
        candidates: The run's fitted estimators.
        named: Variable that the user named; empty if none.
        evaluated: Variables that the steps with metrics read.

    Raises:
        UsageError: If there is no candidate, the named one is none, or it cannot be served.
    """
    if named:
        choice = _named(candidates, named)
    elif not candidates:
        raise UsageError(
            "the notebook has no model: no variable holds a fitted estimator with `predict`",
            fix="fit an estimator with .fit(X, y) and keep it in a variable, "
            "or use `nbprod run` if the notebook is not meant to be served",
        )
    else:
        choice = _by_rule(candidates, evaluated)
    if choice.candidate.unsupported:
        raise UsageError(
            f"the model `{choice.candidate.variable}` cannot be served: "
            f"{choice.candidate.unsupported}",
            fix="fit it on a table with one named column per feature, or name another model",
        )
    return choice


def _named(candidates: tuple[Candidate, ...], named: str) -> Choice:
    for candidate in candidates:
        if named == candidate.variable or named in candidate.aliases:
            return Choice(candidate, f"`{named}` was named")
    known = ", ".join(candidate.variable for candidate in candidates) or "none"
    raise UsageError(
        f"`{named}` is not a fitted estimator with `predict`; the notebook's are: {known}",
        fix="name one of them with --model, or in the notebook's metadata: nbprod.model",
    )


def _by_rule(candidates: tuple[Candidate, ...], evaluated: frozenset[str]) -> Choice:
    scored = tuple(
        candidate
        for candidate in candidates
        if evaluated & {candidate.variable, *candidate.aliases}
    )
    chosen = max(scored or candidates, key=lambda candidate: candidate.fit_order)
    if len(candidates) == 1:
        return Choice(chosen, "it is the only fitted estimator")
    rule = "fitted last of those that the metrics are computed from" if scored else "fitted last"
    others = ", ".join(f"`{each.variable}`" for each in candidates if each is not chosen)
    return Choice(chosen, f"{rule}; the others are {others} (choose with --model)")
