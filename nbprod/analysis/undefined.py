"""Names that are read although no cell has bound them by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbprod.analysis.frames import NOTEBOOK_NAMES, Read, known_from_start
from nbprod.analysis.refusals import binds_by_text
from nbprod.analysis.rules import finding
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic

_REBOUND = frozenset({"_i", "_ii", "_iii"})
"""Names that IPython binds anew before every cell, whatever the notebook has bound them to."""
_UNBOUND = frozenset(
    {"undefined-name", "maybe-undefined-name", "used-before-definition", "deleted-name"}
)
"""What can be claimed only where no name is bound by its text."""
_HISTORY = frozenset(NOTEBOOK_NAMES) - {"display", "exit", "quit", "get_ipython"}


def check_names(survey: Survey, star_names: Iterable[str]) -> list[Diagnostic]:
    """Find reads of names that nothing has bound."""
    found: list[Diagnostic] = []
    existing: set[str] = set(star_names)
    deleted: dict[str, int] = {}
    everywhere = _first_bindings(survey)
    skipped = _skipped(survey)
    by_text = False
    for facts in survey.cells:
        if not facts.executed:
            continue
        by_text = by_text or binds_by_text(facts)
        for name, read in facts.names.reads.items():
            rebound = name in _REBOUND and name not in facts.names.maybe
            if (name in existing and not rebound) or (
                known_from_start(name) and name not in _HISTORY
            ):
                continue
            if name in facts.names.called_binds:
                continue
            problem = _problem(facts, survey, name, read, everywhere, skipped, deleted)
            if problem is not None and not (by_text and problem.code in _UNBOUND):
                found.append(problem)
        for name, line in facts.names.revived.items():
            message = f"`{name}` means Python's own again after its namesake was deleted."
            origin = facts.cell.origin(survey.notebook.path, facts.cell_line(line))
            fix = f"Give what was deleted another name than `{name}`."
            found.append(finding("deleted-name", message, origin, fix))
        for name, line in facts.names.gone.items():
            message = f"`{name}` is read after the same cell has deleted it."
            origin = facts.cell.origin(survey.notebook.path, facts.cell_line(line))
            found.append(finding("deleted-name", message, origin))
        existing |= facts.names.maybe
        existing -= facts.names.deleted
        deleted.update(dict.fromkeys(facts.names.deleted, facts.cell.number))
    return found


def _first_bindings(survey: Survey) -> dict[str, CellFacts]:
    found: dict[str, CellFacts] = {}
    for facts in survey.cells:
        if facts.executed:
            for name in (*facts.names.maybe, *facts.names.lines):
                found.setdefault(name, facts)  # deleted again in the same cell or not
    return found


def _skipped(survey: Survey) -> dict[str, int]:
    return {
        name: facts.cell.number
        for facts in survey.cells
        if facts.role.skip
        for names in facts.bound_by
        for name in names
    }


def _problem(
    facts: CellFacts,
    survey: Survey,
    name: str,
    read: Read,
    everywhere: Mapping[str, CellFacts],
    skipped: Mapping[str, int],
    deleted: Mapping[str, int],
) -> Diagnostic | None:
    line = facts.cell_line(read.line)
    origin = facts.cell.origin(survey.notebook.path, line)
    if name in _HISTORY:
        message = f"`{name}` is IPython's history, which a pipeline does not have."
        return finding("notebook-history", message, origin)
    if name in skipped and name not in everywhere:
        message = f"`{name}` is bound only in cell {skipped[name]}, which is tagged skip."
        return finding("skipped-name", message, origin)
    if not read.certain:
        if name in everywhere:
            return None
        message = f"`{name}` is read where no cell has bound it, in code that may not be executed."
        return finding("maybe-undefined-name", message, origin)
    if read.bindable:
        return None  # a branch or loop of the cell itself may have bound it
    if name in deleted:
        message = f"`{name}` was deleted in cell {deleted[name]}."
        return finding("deleted-name", message, origin)
    if name not in everywhere:
        message = f"`{name}` is read, but no cell binds it."
        if _succeeded(facts):
            message += " The cell ran, so that a cell which is gone must have bound it."
        return finding("undefined-name", message, origin)
    later = everywhere[name]
    if later is facts:
        place = f"line {facts.cell_line(facts.names.lines.get(name, 0))} of the same cell"
    else:
        place = f"cell {later.cell.number}"
    if later is facts and facts.names.lines.get(name, 0) == read.line:
        message = f"`{name}` is read by the line that binds it first."
        return finding("used-before-definition", message, origin, f"Bind {name} earlier.")
    message = f"`{name}` is read before {place} binds it."
    if later is not facts and _succeeded(facts):
        message += " It worked only because that cell had been executed already."
    fix = f"Move {place} above, or bind {name} earlier."
    return finding("used-before-definition", message, origin, fix)


def _succeeded(facts: CellFacts) -> bool:
    """Whether the cell was executed, by its outputs to the end."""
    errors = any(output.get("output_type") == "error" for output in facts.cell.outputs)
    return facts.cell.execution_count is not None and not errors
