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

_IMAGES = {"image/png": "png", "image/svg+xml": "svg", "image/jpeg": "jpeg"}
_FIGURE = re.compile(r"<?(Figure|seaborn\._core\.plot\.Plot|PIL\.)")
"""What the text of a bare expression begins with that generated code displays."""

_EMPTY_PLACE = re.compile(r"""<div id=['"][0-9a-f-]{36}['"]></div>""")


@dataclass(frozen=True, slots=True)
class Shown:
    """What cells show, in order; of what bare expressions display, figures count.

    Attributes:
        figures: Images, and the form of each: ``png``, ``retina`` for one of double density,
            ``svg`` or ``jpeg``.
        texts: The text of each value that ``display()`` was called with.
    """

    figures: tuple[tuple[bytes, str], ...] = ()
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
    figures: list[tuple[bytes, str]] = []
    texts: list[str] = []
    number = 0
    for cell in output_cells(output):
        if INJECTED_TAG in cell.get("metadata", {}).get("tags", ()):
            continue
        number += 1
        for found in cell.get("outputs", ()) if number in cells else ():
            data = found.get("data", {})
            kind = next((each for each in _IMAGES if each in data), "")
            bare = found.get("output_type") == "execute_result"
            if found.get("output_type") != "display_data" and not (bare and kind):
                continue
            if bare and not _FIGURE.match("".join(data.get("text/plain", ""))):
                continue  # as other bare expressions
            if _belongs_to_front_end(data):
                continue
            if kind:
                content = "".join(data[kind])
                is_text = kind == "image/svg+xml"
                image = content.encode() if is_text else base64.b64decode(content)
                is_sharp = kind == "image/png" and kind in found.get("metadata", {})
                figures.append((image, "retina" if is_sharp else _IMAGES[kind]))
            elif "text/plain" in data:
                texts.append("".join(data["text/plain"]))
    return Shown(tuple(figures), tuple(texts))
