"""Findings about a notebook, as data: collected all, never raised one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from nbprod.origin import Origin


class Severity(StrEnum):
    """How much a diagnostic matters. Only an error stops a deploy."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what, where, and what to do about it.

    Attributes:
        code: Stable kebab-case name of the rule, such as ``undefined-name``.
        severity: Whether it stops a deploy (error), warns, or hints.
        message: One sentence in plain words.
        origin: The place in the notebook; ``None`` when there is no such place.
        fix: What the user should do, one sentence; empty if nothing is needed.
    """

    code: str
    severity: Severity
    message: str
    origin: Origin | None = None
    fix: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the JSON shape that ``nbprod check --json`` promises."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "cell": self.origin.cell if self.origin else 0,
            "line": self.origin.line if self.origin else 0,
            "message": self.message,
            "fix": self.fix,
        }


def promoted(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """Return ``diagnostics`` with warnings as errors: what ``--strict`` asks for."""
    return tuple(
        replace(found, severity=Severity.ERROR) if found.severity is Severity.WARNING else found
        for found in diagnostics
    )


def has_errors(diagnostics: tuple[Diagnostic, ...]) -> bool:
    """Tell whether any of ``diagnostics`` stops a deploy."""
    return any(found.severity is Severity.ERROR for found in diagnostics)
