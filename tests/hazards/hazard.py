"""A hazard: a small notebook with something in it that breaks converters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_MARK = re.compile(r"^# %%(?: (?P<tags>.*))?$")
_RAW_TAGS = frozenset({"parameters", "metrics", "skip", "imports", "functions", "serve"})


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """A notebook as text, and what is expected of it.

    Attributes:
        name: Unique, in the words of the field.
        text: Its cells, each under a line ``# %% TAGS``; a bare word is a step's name,
            ``markdown`` a markdown cell, and no word an untagged cell.
        refused: Why nbprod refuses it; empty if the result has to be correct.
        code: The diagnostic that says so; empty if a run finds it out.
        refused_on: Route to the reason why that one refuses it, while others are right.
        files: Files beside the notebook: name to text.
        parameters: ``-p NAME VALUE`` pairs of all runs.
        metadata: The notebook's ``metadata.nbprod``.
        known: A defect of ours that is known and not mended yet; the test expects it.
        ordinary: It also runs in ordinary kernels, started anew.
        planted: Text in the generated steps, and what to put there: a wrong conversion.
    """

    name: str
    text: str
    refused: str = ""
    code: str = ""
    refused_on: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    parameters: tuple[tuple[str, str], ...] = ()
    metadata: dict[str, object] = field(default_factory=dict)
    known: str = ""
    ordinary: bool = False
    planted: tuple[str, str] | None = None

    def cells(self) -> list[tuple[str, list[str], str]]:
        """Return kind, tags and source of each cell."""
        found: list[tuple[str, list[str], list[str]]] = []
        for line in self.text.strip("\n").split("\n"):
            mark = _MARK.match(line)
            if mark is None:
                found[-1][2].append(line)
                continue
            words = (mark["tags"] or "").split()
            kind = "markdown" if words == ["markdown"] else "code"
            tags = [] if kind == "markdown" else [_tag(word) for word in words]
            found.append((kind, tags, []))
        return [(kind, tags, "\n".join(lines).strip("\n")) for kind, tags, lines in found]

    def write(self, folder: Path, kernel: str) -> Path:
        """Write the notebook and the files that it needs; return the notebook."""
        folder.mkdir(parents=True)
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        path = folder / "hazard.ipynb"
        path.write_text(json.dumps(self.document(kernel), indent=1), encoding="utf-8")
        return path

    def document(self, kernel: str) -> dict[str, object]:
        """Return the notebook as JSON."""
        cells = []
        for number, (kind, tags, source) in enumerate(self.cells(), start=1):
            cell: dict[str, object] = {
                "cell_type": kind,
                "id": f"cell-{number}",
                "metadata": {"tags": tags} if tags else {},
                "source": source,
            }
            if kind == "code":
                cell |= {"execution_count": None, "outputs": []}
            cells.append(cell)
        spec = {"display_name": kernel, "language": "python", "name": kernel}
        metadata: dict[str, object] = {"kernelspec": spec, "language_info": {"name": "python"}}
        if self.metadata:
            metadata["nbprod"] = self.metadata
        return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _tag(word: str) -> str:
    return word if ":" in word or word in _RAW_TAGS else f"step:{word}"
