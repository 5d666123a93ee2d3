"""What cells of an output notebook show: figures and displayed values."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.run.plan import INJECTED_TAG
from nbprod.run.printed import output_cells

_EMPTY_PLACE = re.compile(r"""<div id=['"][0-9a-f-]{36}['"]></div>""")


@dataclass(frozen=True, slots=True)
class Shown:
    """What cells show, in order; of what bare expressions display, figures count.

    Attributes:
        figures: PNG images, and whether each has double density.
        texts: The text of each value that ``display()`` was called with.
    """

    figures: tuple[tuple[bytes, bool], ...] = ()
    texts: tuple[str, ...] = ()


def _belongs_to_front_end(data: Mapping[str, Any]) -> bool:
    """Tell whether it is a widget, or a figure that Jupyter's page draws (``nbagg``)."""
    if "application/vnd.jupyter.widget-view+json" in data:
        return True
    return "application/javascript" in data or bool(
        _EMPTY_PLACE.fullmatch("".join(data.get("text/html", "")))
    )


def shown_by(output: Path, cells: Collection[int]) -> Shown:
    """Return what cells of an output notebook show.

    Args:
        output: The output notebook of a run.
        cells: Numbers of cells, from 1, injected ones not counted.
    """
    figures: list[tuple[bytes, bool]] = []
    texts: list[str] = []
    number = 0
    for cell in output_cells(output):
        if INJECTED_TAG in cell.get("metadata", {}).get("tags", ()):
            continue
        number += 1
        for found in cell.get("outputs", ()) if number in cells else ():
            data = found.get("data", {})
            picture = "image/png" in data and "Figure" in "".join(data.get("text/plain", ""))
            bare = found.get("output_type") == "execute_result" and picture
            if found.get("output_type") != "display_data" and not bare:
                continue
            if _belongs_to_front_end(data):
                continue
            if picture:
                png = base64.b64decode("".join(data["image/png"]))
                figures.append((png, "image/png" in found.get("metadata", {})))
            elif "text/plain" in data:
                texts.append("".join(data["text/plain"]))
    return Shown(tuple(figures), tuple(texts))
