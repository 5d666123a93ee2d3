"""Reading a generated project back: people edit it, and then run, verify or deploy it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbprod.emit.line_map import LineMap, line_map
from nbprod.emit.manifest import MANIFEST
from nbprod.emit.write import edited_files, read_manifest
from nbprod.errors import UsageError
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.serialize import from_json


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder.

    Attributes:
        directory: The folder, absolute.
        package: Name of the generated package.
        pipeline: The pipeline that it was generated from.
        edited: Generated files that were edited or deleted since, sorted.
    """

    directory: Path
    package: str
    pipeline: Pipeline
    edited: tuple[str, ...]

    @property
    def notebook(self) -> Path:
        """``pipeline.ipynb`` of this project."""
        return self.directory / "pipeline.ipynb"

    def source_notebook(self) -> Path:
        """Return where the source notebook lies: beside the project, in it, or as noted.

        Raises:
            UsageError: If it is at none of these places.
        """
        name = self.pipeline.source.notebook
        places = [self.directory.parent / name, self.directory / name]
        note = self.directory / ".nbprod" / "source.json"
        if note.is_file():
            # A damaged note is no note.
            with suppress(ValueError, KeyError, TypeError):
                places.append(Path(json.loads(note.read_text(encoding="utf-8"))["notebook"]))
        for place in places:
            if place.is_file():
                return place
        raise UsageError(
            f"the notebook {name} of {self.directory} was not found",
            fix=f"put {name} beside the project's folder, or convert it again",
        )

    def lines(self) -> LineMap:
        """Return the map from lines of the package to the notebook's cells."""
        paths = [f"{self.package}/steps.py", f"{self.package}/definitions.py"]
        texts = {}
        for path in paths:
            place = self.directory / path
            if place.is_file():
                texts[path] = place.read_text(encoding="utf-8", errors="replace")
        return line_map(self.pipeline, texts)


def load_project(directory: Path) -> Project:
    """Read the project in ``directory``.

    Raises:
        UsageError: If it is no project of nbprod's, a damaged one, or lacks a file
            that running it needs.
    """
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a folder", fix="name a folder made by nbprod convert")
    manifest = read_manifest(directory)
    if manifest is None:
        raise UsageError(
            f"{directory} is not a project of nbprod's: it holds no {MANIFEST}",
            fix="make one with: nbprod convert NOTEBOOK -o DIR",
        )
    pipeline = from_json(manifest.pipeline)
    needed = (f"{manifest.package}/steps.py", "pipeline.ipynb")
    missing = [path for path in needed if not (directory / path).is_file()]
    if missing:
        raise UsageError(
            f"{directory} lacks {', '.join(missing)}",
            fix="convert the notebook again: files that are missing come back",
        )
    return Project(
        directory.resolve(), manifest.package, pipeline, edited_files(directory, manifest.files)
    )
