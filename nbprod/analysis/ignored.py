"""Findings in order, without those that the author switched off."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from nbprod.analysis.rules import RULES, finding
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.ignores import Ignore, ignores
from nbprod.notebook.notebook import Notebook


def without_ignored(problems: Iterable[Diagnostic], notebook: Notebook) -> tuple[Diagnostic, ...]:
    """Return ``problems`` by cell and line, each once, without what is switched off.

    A rule that there is not, or one that says nbprod cannot go on, is not switched off;
    that is a finding itself.
    """
    switched_off: list[Ignore] = []
    mistaken: list[Diagnostic] = []
    for ignore in ignores(notebook):
        if ignore.code in RULES and not RULES[ignore.code].binding:
            switched_off.append(ignore)
        else:
            mistaken.append(_mistaken(ignore, notebook))
    kept = {
        problem: None
        for problem in (*problems, *mistaken)
        if not any(each.covers(problem.code, *_place(problem)) for each in switched_off)
    }
    return tuple(sorted(kept, key=_place))


def _place(problem: Diagnostic) -> tuple[int, int]:
    return (problem.origin.cell, problem.origin.line) if problem.origin else (0, 0)


def _mistaken(ignore: Ignore, notebook: Notebook) -> Diagnostic:
    origin = None
    if ignore.cell:
        cell = notebook.cells[ignore.cell - 1]
        origin = cell.origin(notebook.path, ignore.written)
    if ignore.code in RULES:
        message = f"The rule {ignore.code} cannot be switched off: nbprod cannot go on there."
        return finding("unknown-rule", message, origin, RULES[ignore.code].fix)
    message = f"There is no rule called {ignore.code[:60]!r} to switch off."
    near = difflib.get_close_matches(ignore.code, RULES, n=1)
    return finding("unknown-rule", message, origin, f"Write {near[0]}." if near else "")
