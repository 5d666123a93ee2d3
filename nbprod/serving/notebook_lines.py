"""Which cell and line of the notebook an exception of the service came from."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbprod.origin import Origin

LINES_FILE = "notebook_lines.json"
"""Lies beside ``service.py``: ``{"notebook", "places": {path: {line: [cell, line]}}}``."""


@dataclass(frozen=True, slots=True)
class NotebookLines:
    """The map from the generated package's lines to the notebook's cells.

    Attributes:
        notebook: File name of the notebook.
        places: Path relative to the project -> line -> (cell, line of the cell).
    """

    notebook: str = ""
    places: Mapping[str, Mapping[int, tuple[int, int]]] = field(default_factory=dict)

    def place(self, error: BaseException | None) -> Origin | None:
        """Return the place of the innermost frame that the notebook wrote, if there is one."""
        while error is not None:
            for frame in reversed(traceback.extract_tb(error.__traceback__)):
                found = self._origin(frame.filename.replace("\\", "/"), frame.lineno or 0)
                if found is not None:
                    return found
            error = error.__cause__ or error.__context__
        return None

    def _origin(self, filename: str, line: int) -> Origin | None:
        for path, lines in self.places.items():
            if not filename.endswith(f"/{path}"):
                continue
            # A long statement is mapped by its first line; (0, 0) ends what a cell wrote.
            above = max((each for each in lines if each <= line), default=0)
            cell, cell_line = lines.get(above, (0, 0))
            if cell:
                return Origin(self.notebook, cell, line=cell_line)
        return None


def read_lines(folder: Path) -> NotebookLines:
    """Read the map beside a ``service.py``; an empty one if there is none."""
    try:
        document = json.loads((folder / LINES_FILE).read_bytes())
        places = {
            str(path): {int(line): (int(to[0]), int(to[1])) for line, to in lines.items()}
            for path, lines in document["places"].items()
        }
        return NotebookLines(str(document["notebook"]), places)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return NotebookLines()


def lines_as_json(found: NotebookLines) -> bytes:
    """Return the map as the bytes of its file."""
    document = {"notebook": found.notebook, "places": found.places}
    return json.dumps(document, separators=(",", ":")).encode()
