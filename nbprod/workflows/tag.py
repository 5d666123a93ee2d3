"""``nbprod tag``: suggest cell tags, and write them when asked.

Only tags of nbprod's own are ever added, none is removed, and nothing else in the
file changes.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbprod.diagnostics import Diagnostic
from nbprod.errors import SystemFailedError, UsageError
from nbprod.notebook.cell import Cell
from nbprod.notebook.read import INJECTED_TAG
from nbprod.notebook.tags import cell_role
from nbprod.pipeline.ir import Pipeline
from nbprod.workflows.learned import cells_to_note, last_run, unchanged_variables
from nbprod.workflows.loading import load_notebook


@dataclass(frozen=True, slots=True)
class TagRequest:
    """Suggest tags for ``notebook``; with ``write`` put them into the file."""

    notebook: Path
    write: bool = False


@dataclass(frozen=True, slots=True)
class TagSuggestion:
    """Tags to add to one cell, with the cell's first line for people.

    Attributes:
        cell: Its number.
        first_line: The first line of it that says something.
        add: Tags to add.
        present: Tags that it has.
        unchanged: Variables that it might change, but did not in the last run.
    """

    cell: int
    first_line: str
    add: tuple[str, ...]
    present: tuple[str, ...]
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagResult:
    """All suggestions, and whether they were written."""

    suggestions: tuple[TagSuggestion, ...]
    written: bool
    diagnostics: tuple[Diagnostic, ...]

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod tag --json``."""
        return {
            "cells": [
                {
                    "cell": each.cell,
                    "add": list(each.add),
                    "tags": list(each.present),
                    "unchanged": list(each.unchanged),
                }
                for each in self.suggestions
            ],
            "written": self.written,
            "diagnostics": [found.as_json() for found in self.diagnostics],
        }


def tag(request: TagRequest) -> TagResult:
    """Suggest tags so that every inferred step is named in the notebook itself.

    If the notebook was run, variables that its cells might change and did not are
    noted, too.

    Raises:
        UsageError: If it is no Python notebook.
        SystemFailedError: If it cannot be written.
        RefusedError: If it has errors, so that there are no steps to suggest.
    """
    loaded = load_notebook(request.notebook)
    pipeline = loaded.require_pipeline()
    suggestions = suggest_tags(loaded.notebook.cells, pipeline, learned(pipeline, loaded.path))
    if request.write and suggestions:
        _write(request.notebook, {each.cell: each for each in suggestions})
    return TagResult(suggestions, request.write and bool(suggestions), loaded.diagnostics)


def learned(pipeline: Pipeline, notebook: Path) -> dict[int, tuple[str, ...]]:
    """Return by cell the variables that the notebook's last run showed not to change."""
    record = last_run(pipeline, notebook)
    found: dict[int, tuple[str, ...]] = {}
    if record is not None:
        unchanged = unchanged_variables(pipeline, record)
        for step in pipeline.steps:
            found.update(cells_to_note(step, unchanged.get(step.name, ())))
    return found


def suggest_tags(
    cells: tuple[Cell, ...],
    pipeline: Pipeline,
    unchanged: Mapping[int, tuple[str, ...]] | None = None,
) -> tuple[TagSuggestion, ...]:
    """Return, cell by cell, what would say what ``pipeline`` inferred.

    Args:
        cells: The notebook's cells.
        pipeline: Its pipeline.
        unchanged: By cell, variables that a run showed not to change.
    """
    suggestions = []
    metric_cells = _metric_cells(cells, pipeline)
    for cell in cells:
        role = cell_role(cell)
        add = [
            f"step:{step.name}"
            for step in pipeline.steps
            if cell.number in step.cells and not role.step and not role.skip
        ]
        if cell.number in metric_cells:
            add.append("metrics")
        same = (unchanged or {}).get(cell.number, ())
        same = tuple(name for name in same if name not in role.unchanged)
        if add or same:
            first = next((line for line in cell.source.splitlines() if line.strip()), "")
            suggestions.append(TagSuggestion(cell.number, first, tuple(add), cell.tags, same))
    return tuple(suggestions)


def _metric_cells(cells: tuple[Cell, ...], pipeline: Pipeline) -> frozenset[int]:
    """Return the cells that a ``metrics`` tag describes exactly.

    The tag makes *all* that a cell assigns a metric, and ends inference for the whole
    notebook. So it is suggested only if every cell with metrics assigns nothing else.
    """
    if any(cell_role(cell).metrics for cell in cells):
        return frozenset()
    found: set[int] = set()
    for step in pipeline.steps:
        metrics = set(step.metrics)
        for block in step.blocks:
            assigned = {name for name in _assigned(block.source) if not name.startswith("_")}
            if assigned & metrics:
                if assigned - metrics:
                    return frozenset()
                found.add(block.origin.cell)
    return frozenset(found)


def _assigned(source: str) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _write(path: Path, suggestions: dict[int, TagSuggestion]) -> None:
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    if document.get("nbformat") != 4:
        raise UsageError(
            f"{path} has an old notebook format, which nbprod does not write",
            fix="open and save it in JupyterLab, then tag it",
        )
    number = 0
    for cell in document["cells"]:
        present = cell.get("metadata", {}).get("tags", [])
        if INJECTED_TAG in present:
            continue
        number += 1
        if number in suggestions:
            metadata = cell.setdefault("metadata", {})
            if suggestions[number].add:
                metadata["tags"] = [*present, *suggestions[number].add]
            if suggestions[number].unchanged:
                own = metadata.setdefault("nbprod", {})
                own["unchanged"] = [*own.get("unchanged", []), *suggestions[number].unchanged]
    ending = "\n" if text.endswith("\n") else ""
    # JupyterLab's own layout, so that a diff shows the tags and nothing else.
    content = json.dumps(document, indent=1, ensure_ascii=False) + ending
    path = path.resolve()  # a link stays a link
    beside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        beside.write_text(content, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise SystemFailedError(
            f"cannot write {path}: {error.strerror}", fix="check the permissions of its folder"
        ) from error
