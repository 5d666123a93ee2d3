"""Where a thing came from in the source notebook."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a notebook, precise enough to click on.

    Attributes:
        notebook: File name or path of the notebook as the user gave it.
        cell: Position of the cell, counted from 1, markdown cells included and
            cells that nbprod or papermill injected left out. 0 means the
            notebook as a whole.
        cell_id: The cell's id; derived when the notebook's format has none.
        line: Line within the cell, counted from 1; 0 means the whole cell.
    """

    notebook: str
    cell: int = 0
    cell_id: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = self.notebook
        if self.cell:
            place += f", cell {self.cell}"
        if self.line:
            place += f", line {self.line}"
        return place
