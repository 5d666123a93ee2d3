"""What one run of a hazard left behind: variables after each cell, text, figures, files."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# No two runs print the same times.
_TIMES = re.compile(r"^(CPU times: .*|Wall time: .*)\n", re.MULTILINE)
_LEFT_OUT = {".nbprod", "pipeline_project", "__pycache__", ".ipynb_checkpoints"}


@dataclass
class Observation:
    """What a run left behind.

    Attributes:
        notes: What the witness wrote after each executed cell.
        text: Standard output of each executed cell.
        figures: Digests of the images of each executed cell.
        results: The displayed last expressions of each executed cell.
        files: Content of the files in its folder, by name.
    """

    notes: list[dict[str, Any]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    figures: list[list[str]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


def observe(output: Path, notes: Path | None, folder: Path) -> Observation:
    """Collect what a run left behind.

    Args:
        output: The output notebook.
        notes: Folder that the witness wrote to; ``None`` if there was none.
        folder: The folder that the notebook ran in.
    """
    found = Observation()
    cells = json.loads(output.read_text())["cells"]
    executed = [
        cell
        for cell in cells
        if cell["cell_type"] == "code"
        and "".join(cell["source"]).strip()
        and "skip" not in cell["metadata"].get("tags", [])
    ]
    paths = sorted(notes.iterdir()) if notes is not None else []
    noted = iter([pickle.loads(path.read_bytes()) for path in paths])
    for cell in executed:
        source = _joined(cell["source"])
        # Cell magics such as %%capture execute a cell within the cell.
        if notes is not None:
            note = next(each for each in noted if each["source"].strip() == source.strip())
        if "injected-parameters" in cell["metadata"].get("tags", []):
            continue
        if notes is not None:
            found.notes.append(note)
        found.text.append(_text(cell["outputs"]))
        found.figures.append(_figures(cell["outputs"]))
        found.results.append(_results(cell["outputs"]))
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT & set(inside.parts) and path.suffix != ".ipynb":
            found.files[str(inside)] = path.read_bytes()
    return found


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)


def _text(outputs: list[dict[str, Any]]) -> str:
    text = "".join(
        _joined(each["text"])
        for each in outputs
        if each["output_type"] == "stream" and each["name"] == "stdout"
    )
    return _TIMES.sub("", text)


def _figures(outputs: list[dict[str, Any]]) -> list[str]:
    return [
        hashlib.sha256(base64.b64decode(_joined(each["data"]["image/png"]))).hexdigest()
        for each in outputs
        if each["output_type"] in {"display_data", "execute_result"} and "image/png" in each["data"]
    ]


def _results(outputs: list[dict[str, Any]]) -> str:
    return "".join(
        _joined(each["data"].get("text/plain", ""))
        for each in outputs
        if each["output_type"] == "execute_result"
    )
