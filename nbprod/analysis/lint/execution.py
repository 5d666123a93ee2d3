"""Rules ``out-of-order``, ``not-executed`` and ``execution-gap``: what the outputs came from."""

from __future__ import annotations

from collections.abc import Iterator

from nbprod.analysis.rules import finding
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.cell import Cell


def execution_counts(survey: Survey) -> Iterator[Diagnostic]:
    """Compare the execution counts with the order of the cells."""
    path = survey.notebook.path
    cells = [each.cell for each in survey.cells if _does_something(each)]
    counted = [(cell, cell.execution_count) for cell in cells if cell.execution_count is not None]
    if not counted:
        return
    disorder = _disorder(counted)
    if disorder is not None:
        cell, count, highest = disorder
        again = "as" if count == highest else "before"
        message = f"Cell {cell.number} was executed as [{count}], {again} a cell above it"
        message += "." if count == highest else f" ([{highest}])."
        yield finding("out-of-order", message, cell.origin(path))
    never = [cell for cell in cells if cell.execution_count is None]
    if never:
        some = f"{len(never)} cells were never executed" if len(never) > 1 else "A cell never ran"
        message = f"{some} while others were; the first is cell {never[0].number}."
        yield finding("not-executed", message, never[0].origin(path))
    if disorder is None and not never:
        yield from _gap(counted, path)


def _does_something(facts: CellFacts) -> bool:
    """Whether executing a cell matters: it holds more than comments."""
    code = facts.statements or facts.error or facts.code.magics
    return bool(code) and not facts.role.skip


def _disorder(counted: list[tuple[Cell, int]]) -> tuple[Cell, int, int] | None:
    highest = 0
    for cell, count in counted:
        if count <= highest:
            return cell, count, highest
        highest = count
    return None


def _gap(counted: list[tuple[Cell, int]], path: str) -> Iterator[Diagnostic]:
    before = counted[0][1] - 1  # a notebook that begins at [5] is a later run of the same kernel
    for cell, count in counted:
        if count != before + 1:
            missing = (
                f"[{before + 1}]" if count == before + 2 else f"[{before + 1}] to [{count - 1}]"
            )
            message = f"No cell shows {missing}, which ran before cell {cell.number} ([{count}])."
            yield finding("execution-gap", message, cell.origin(path))
            return
        before = count
