"""Rules that the author switched off: for a line, a cell, or the whole notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbprod.notebook.cell import Cell
from nbprod.notebook.notebook import Notebook
from nbprod.notebook.tags import options

_COMMENT = re.compile(r"#\s*nbprod:\s*ignore\[([^\]]*)\]")
_TAG = "ignore:"


@dataclass(frozen=True, slots=True)
class Ignore:
    """One rule switched off.

    Attributes:
        code: The rule.
        cell: The cell's number; 0 means the whole notebook.
        line: The line in the cell; 0 means the whole cell.
        written: Line of the comment that says so; 0 if it is no comment.
    """

    code: str
    cell: int = 0
    line: int = 0
    written: int = 0

    def covers(self, code: str, cell: int, line: int) -> bool:
        """Whether a finding of rule ``code`` at that place is switched off."""
        return code == self.code and self.cell in {0, cell} and self.line in {0, line}


def ignores(notebook: Notebook) -> tuple[Ignore, ...]:
    """Return all that the author of ``notebook`` switched off, in order."""
    whole = [Ignore(code) for code in options(notebook).ignore]
    return (*whole, *(found for cell in notebook.cells for found in _of_cell(cell)))


def _of_cell(cell: Cell) -> Iterator[Ignore]:
    own = cell.metadata.get("nbprod")
    listed = own.get("ignore") if isinstance(own, dict) else None
    codes = [code for code in listed if isinstance(code, str)] if isinstance(listed, list) else []
    codes += [tag.removeprefix(_TAG) for tag in cell.tags if tag.startswith(_TAG)]
    for code in codes:
        yield Ignore(code, cell.number)
    if "nbprod" not in cell.source:
        return
    for number, text in enumerate(cell.source.split("\n"), start=1):
        match = _COMMENT.search(text)
        if match:
            alone = not text[: match.start()].strip()
            for code in match[1].split(","):
                if code.strip():
                    yield Ignore(code.strip(), cell.number, 0 if alone else number, number)
