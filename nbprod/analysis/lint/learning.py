"""Rules about how models are trained and judged, from following rows through the notebook."""

from __future__ import annotations

from collections.abc import Iterator

from nbprod.analysis.lint.following import Follower, find_cuts
from nbprod.analysis.lint.rows import Place
from nbprod.analysis.rules import finding
from nbprod.analysis.survey import Survey
from nbprod.diagnostics import Diagnostic

_SAYS = {
    "fit-before-split": "`{place}` learns from all rows, and they are split only afterwards.",
    "statistics-before-split": (
        "`{place}` is computed over all rows and goes into them; they are split only afterwards."
    ),
    "fit-on-test-data": "`{place}` fits on the test rows.",
    "target-in-features": "The target `{text}` is among the features of `{place}`.",
    "unseeded-randomness": "`{place}` has no seed, and what it draws reaches the model.",
    "evaluated-on-training-data": (
        "`{place}` judges the model by rows it was fitted on, and nothing judges it by others."
    ),
}


def learning(survey: Survey) -> Iterator[Diagnostic]:
    """Follow the rows, and tell what is wrong with how models learn from them."""
    executed = [facts for facts in survey.cells if facts.executed]
    follower = Follower(find_cuts(node for facts in executed for node in facts.nodes))
    for facts in executed:
        follower.cell(facts.cell.number, facts.statements, facts.cell_line)
    learned = follower.learned
    if learned.judged and not learned.unseen:
        learned.note("evaluated-on-training-data", learned.judged[0])
    cells = {facts.cell.number: facts.cell for facts in executed}
    for rule, place, text in learned.found:
        origin = cells[place.cell].origin(survey.notebook.path, place.line)
        yield finding(rule, _message(rule, place, text), origin)


def _message(rule: str, place: Place, text: str) -> str:
    return _SAYS[rule].format(place=place.text, text=text)
