"""Parameters into a notebook, as papermill does it, but as exact Python literals."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from nbprod.notebook.tags import PARAMETERS_TAGS
from nbprod.run.literals import literal
from nbprod.run.plan import INJECTED_TAG


def inject_parameters(nb: Any, parameters: Mapping[str, object]) -> None:  # noqa: ANN401
    """Put a cell that assigns ``parameters`` into a notebook, in place.

    It stands after the cell tagged ``parameters`` (before all cells if there is none),
    is tagged ``injected-parameters``, and replaces one that an earlier run left.

    Args:
        nb: A NotebookNode of format 4.
        parameters: Names and values; nothing is injected if there are none.
    """
    from nbformat.v4 import new_code_cell

    nb.cells = [cell for cell in nb.cells if INJECTED_TAG not in _tags(cell)]
    nb.metadata["papermill"] = {
        "default_parameters": {},
        "environment_variables": {},
        "parameters": {name: as_json(value) for name, value in parameters.items()},
        "version": version("papermill"),
    }
    if not parameters:
        return
    lines = [f"{name} = {literal(value)}" for name, value in parameters.items()]
    cell = new_code_cell(source="\n".join(["# Parameters", *lines]))  # type: ignore[no-untyped-call]
    cell.metadata["tags"] = [INJECTED_TAG]
    place = next(
        (
            index + 1
            for index, found in enumerate(nb.cells)
            if any(tag in _tags(found) for tag in PARAMETERS_TAGS)
        ),
        0,
    )
    nb.cells.insert(place, cell)


def as_json(value: object) -> object:
    """Return a parameter's value as JSON: dates as ISO text, tuples as lists."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, PurePath | datetime.timedelta):
        return str(value)
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [as_json(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value


def _tags(cell: Any) -> list[str]:  # noqa: ANN401
    tags = cell.get("metadata", {}).get("tags", [])
    return list(tags) if isinstance(tags, list) else []
