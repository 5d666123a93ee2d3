"""Where a cell's line stands in the notebook's file, for tools that point at lines of files."""

from __future__ import annotations

import json
import re

_MARK = "nbprod-line-\u2063"


def line_in_file(text: str, cell: int, line: int = 0) -> int:
    """Return the line of a notebook's file that holds a line of a cell.

    Args:
        text: Content of the .ipynb file.
        cell: The cell's number, from 1.
        line: Line within the cell, from 1; 0 for the cell as a whole.

    Returns:
        From 1. The first line of the file if the cell is not found there, or if the file
        is not laid out a value a line, as Jupyter writes it.
    """
    try:
        document = json.loads(text)
        source = document["cells"][cell - 1]["source"]
    except (ValueError, LookupError, TypeError):
        return 1
    indent = re.search(r"^[{]\n( +)", text)
    if cell < 1 or indent is None:
        return 1
    lines = source.splitlines(keepends=True) if isinstance(source, str) else list(source)
    place = min(max(line, 1), max(len(lines), 1)) - 1
    lines[place : place + 1] = [_MARK]
    document["cells"][cell - 1]["source"] = lines if isinstance(source, list) else _MARK
    again = json.dumps(document, indent=len(indent[1]), ensure_ascii=False)
    return again[: again.index(_MARK)].count("\n") + 1
