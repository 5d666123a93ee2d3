"""A notebook, as read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbprod.notebook.cell import Cell, CellKind


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook.

    Attributes:
        path: The path as the user gave it.
        name: File name without its folder, such as ``churn.ipynb``.
        digest: sha256 (hex) of the file's bytes.
        kernel_name: Kernel from the metadata; empty if it names none.
        language: Language from the metadata, lower case; ``python`` if it names none.
        metadata: The notebook's metadata as read.
        cells: All cells in order, those that papermill injected left out.
    """

    path: str
    name: str
    digest: str
    kernel_name: str = ""
    language: str = "python"
    metadata: Mapping[str, object] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()

    @property
    def stem(self) -> str:
        """File name without folder and ``.ipynb``."""
        return self.name.removesuffix(".ipynb")

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The code cells, in order."""
        return tuple(cell for cell in self.cells if cell.kind is CellKind.CODE)
