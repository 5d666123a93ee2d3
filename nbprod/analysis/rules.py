"""Every diagnostic that the analysis of a notebook can give: the table of rules."""

from __future__ import annotations

from nbprod.analysis.rulebook.code import CODE
from nbprod.analysis.rulebook.habits import HABITS
from nbprod.analysis.rulebook.learning import LEARNING
from nbprod.analysis.rulebook.names import NAMES
from nbprod.analysis.rulebook.rule import Rule
from nbprod.analysis.rulebook.steps import STEPS
from nbprod.diagnostics import Diagnostic
from nbprod.origin import Origin

__all__ = ["RULES", "Rule", "finding"]

RULES: dict[str, Rule] = {rule.code: rule for rule in (*CODE, *NAMES, *STEPS, *HABITS, *LEARNING)}


def finding(code: str, message: str, origin: Origin | None = None, fix: str = "") -> Diagnostic:
    """Return a diagnostic of the rule ``code``; its own fix unless ``fix`` says better."""
    rule = RULES[code]
    return Diagnostic(code, rule.severity, message, origin, fix or rule.fix)
