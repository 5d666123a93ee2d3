"""All checks of a notebook's habits, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nbprod.analysis.lint.dead_cells import dead_cells
from nbprod.analysis.lint.execution import execution_counts
from nbprod.analysis.lint.learning import learning
from nbprod.analysis.lint.magics import magics
from nbprod.analysis.lint.network import network_access
from nbprod.analysis.lint.own_folder import own_folder
from nbprod.analysis.lint.paths import absolute_paths
from nbprod.analysis.rules import finding
from nbprod.analysis.survey import Survey
from nbprod.diagnostics import Diagnostic

Check = Callable[[Survey], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    absolute_paths,
    magics,
    execution_counts,
    network_access,
    own_folder,
    learning,
    dead_cells,
)


def lint(survey: Survey) -> list[Diagnostic]:
    """Return what all checks find."""
    return [found for check in CHECKS for found in _guarded(check, survey)]


def _guarded(check: Check, survey: Survey) -> Iterator[Diagnostic]:
    """Give what a check finds; that it failed is a finding, since no command depends on it."""
    try:
        yield from check(survey)
    except Exception as error:  # noqa: BLE001 (a defect of ours must not stop a deploy)
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        yield finding("rule-failed", f"The lint rule {check.__name__} failed ({what}).")
