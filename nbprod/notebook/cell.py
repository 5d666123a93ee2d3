"""A cell of a notebook, as read: nothing parsed, nothing translated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nbprod.origin import Origin


class CellKind(StrEnum):
    """What a cell holds."""

    CODE = "code"
    MARKDOWN = "markdown"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Cell:
    r"""One cell.

    Attributes:
        number: Position counted from 1, markdown included, injected cells left out.
        id: The cell's id; derived from position and source when the format has none.
        kind: Code, markdown or raw.
        source: Text with ``\n`` line ends.
        tags: Its cell tags, in order.
        execution_count: Jupyter's ``[n]``; ``None`` if it was never executed.
        metadata: The cell's metadata as read.
        outputs: A code cell's outputs as read.
    """

    number: int
    id: str
    kind: CellKind
    source: str
    tags: tuple[str, ...] = ()
    execution_count: int | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    outputs: tuple[Mapping[str, object], ...] = ()

    def origin(self, notebook: str, line: int = 0) -> Origin:
        """Return the place of ``line`` (0: the whole cell) in the notebook named ``notebook``."""
        return Origin(notebook=notebook, cell=self.number, cell_id=self.id, line=line)


def derived_id(number: int, source: str) -> str:
    """Return the id of a cell that has none: the same each time for the same notebook."""
    return hashlib.sha256(f"{number}\n{source}".encode()).hexdigest()[:8]
