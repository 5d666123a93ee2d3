"""``jupyter nbconvert --to nbprod NOTEBOOK``: the pipeline and its project, by nbconvert's door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbconvert.exporters.exporter import Exporter
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode
from traitlets import default

from nbprod.emit.write import plan_write, source_note
from nbprod.errors import NbprodError, RefusedError
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.serialize import to_json
from nbprod.workflows.convert import render_loaded
from nbprod.workflows.loading import LoadedNotebook, analyse_notebook, load_notebook


class NotConvertedError(ConversionException):
    """The notebook could not be converted; the text says why, where and what to do."""


class NbprodExporter(Exporter):
    """Turn a notebook into ``NAME.nbprod.json`` (the IR) and a project in ``NAME_pipeline/``.

    The IR is the main output, never a notebook: nbconvert would write it over its source.
    Nothing is returned, so nothing is written, if the notebook has errors or a file of the
    project was edited by hand.
    """

    export_from_notebook = "nbprod pipeline"
    output_mimetype = "application/json"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".nbprod.json"

    def from_filename(  # type: ignore[override]  # text, as every exporter but the base gives
        self, filename: str, resources: dict[str, Any] | None = None, **_: object
    ) -> tuple[str, dict[str, Any]]:
        """Convert the notebook at ``filename``, byte by byte as it lies there.

        Raises:
            NotConvertedError: If it cannot be converted.
        """
        path = Path(filename)
        known = self._resources(path, resources)
        try:
            return self._converted(load_notebook(path), known)
        except NbprodError as error:
            raise NotConvertedError(_describe(error)) from error

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **_: object
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook in memory; its modules are looked for where ``resources`` say.

        Raises:
            NotConvertedError: If it cannot be converted.
        """
        metadata = (resources or {}).get("metadata", {})
        name = metadata.get("name") or "notebook"
        path = Path(metadata.get("path") or ".") / f"{name}.ipynb"
        known = self._resources(path, resources)
        try:
            notebook = read_notebook_text(json.dumps(nb), path.name)
            return self._converted(analyse_notebook(notebook, path), known)
        except NbprodError as error:
            raise NotConvertedError(_describe(error)) from error

    def _resources(self, path: Path, given: dict[str, Any] | None) -> dict[str, Any]:
        known = dict(given or {})
        known["metadata"] = {"name": path.stem, "path": str(path.parent)} | known.get(
            "metadata", {}
        )
        resources: dict[str, Any] = self._init_resources(known)  # type: ignore[no-untyped-call]
        resources["output_extension"] = self.file_extension
        return resources

    def _converted(
        self, loaded: LoadedNotebook, resources: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        name = resources.get("unique_key") or resources["metadata"]["name"]
        folder = f"{Path(name).name}_pipeline"
        directory = self._output_folder(resources) / folder
        files = render_loaded(loaded)
        plan_write(files, directory)
        outputs = resources.get("outputs") or {}
        outputs |= {f"{folder}/{file.path}": file.content for file in files}
        note = source_note(directory, loaded.path)
        outputs |= {f"{folder}/{path}": content for path, content in note.items()}
        resources["outputs"] = outputs
        document = to_json(loaded.require_pipeline())
        return json.dumps(document, indent=1, ensure_ascii=False), resources

    def _output_folder(self, resources: dict[str, Any]) -> Path:
        """Return where nbconvert's writer will put things: ``--output-dir``, else beside."""
        chosen = self.config.get("FilesWriter", {}).get("build_directory", "")
        return Path(str(chosen) or resources["metadata"]["path"] or ".")


def _describe(error: NbprodError) -> str:
    lines = [f"{error.where}: {error.message}" if error.where else error.message]
    if isinstance(error, RefusedError):
        lines += [
            f"  {found.origin or ''}: {found.severity.value} [{found.code}] {found.message}"
            f"{' Fix: ' + found.fix if found.fix else ''}"
            for found in error.diagnostics
        ]
    if error.fix:
        lines.append(f"Fix: {error.fix}")
    return "\n".join(lines)
