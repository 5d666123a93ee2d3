"""Diagnostics as people read them."""

from __future__ import annotations

import click

from nbprod.diagnostics import Diagnostic, Severity

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.HINT: "blue"}


def describe_diagnostics(diagnostics: tuple[Diagnostic, ...]) -> str:
    """Return one paragraph per diagnostic: place, rule, message, fix."""
    return "\n".join(_describe(found) for found in diagnostics)


def _describe(found: Diagnostic) -> str:
    severity = click.style(found.severity.value, fg=COLOURS[found.severity])
    place = ""
    if found.origin is not None and found.origin.cell:
        place = f"cell {found.origin.cell}"
        if found.origin.line:
            place += f", line {found.origin.line}"
        place += ": "
    lines = [f"  {place}{severity} [{found.code}] {found.message}"]
    if found.fix:
        lines.append(f"      fix: {found.fix}")
    return "\n".join(lines)


def summary(diagnostics: tuple[Diagnostic, ...]) -> str:
    """Return counts such as ``1 error, 2 warnings``; ``nothing to mend`` if there are none."""
    parts = []
    for severity in Severity:
        count = sum(found.severity is severity for found in diagnostics)
        if count:
            parts.append(f"{count} {severity.value}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "nothing to mend"
