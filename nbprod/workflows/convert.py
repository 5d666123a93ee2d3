"""``nbprod convert``: a notebook as a project of readable Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.diagnostics import Diagnostic
from nbprod.emit.project import ProjectFile, render_project
from nbprod.emit.write import write_project
from nbprod.pipeline.ir import Pipeline
from nbprod.workflows.loading import LoadedNotebook, load_notebook


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """Convert ``notebook`` into ``directory``.

    Attributes:
        notebook: The notebook.
        directory: Folder of the project; made if it is not there.
        force: Overwrite files that were edited by hand.
        kernel: Kernel whose environment counts, instead of the notebook's own.
        strict: Warnings count as errors.
    """

    notebook: Path
    directory: Path
    force: bool = False
    kernel: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """What was written, by path relative to the project, and what is worth knowing."""

    directory: Path
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    pipeline: Pipeline
    diagnostics: tuple[Diagnostic, ...]

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod convert --json``."""
        return {
            "directory": str(self.directory),
            "written": list(self.written),
            "unchanged": list(self.unchanged),
            "removed": list(self.removed),
            "steps": [step.name for step in self.pipeline.steps],
            "diagnostics": [found.as_json() for found in self.diagnostics],
        }


def convert(request: ConvertRequest) -> ConvertResult:
    """Read, analyse and write; no user code runs.

    Raises:
        RefusedError: If the notebook has errors.
        UsageError: If a file was edited by hand, or the folder cannot be written.
    """
    loaded = load_notebook(request.notebook, request.kernel, strict=request.strict)
    return convert_loaded(loaded, request.directory, force=request.force)


def render_loaded(loaded: LoadedNotebook) -> tuple[ProjectFile, ...]:
    """Render the project of a notebook that is already analysed, without writing it."""
    pipeline = loaded.require_pipeline()
    # What the notebook finds anew when it runs does not come along: a copy would hide it.
    tops = {found.path.partition("/")[0] for found in pipeline.local_modules}
    return render_project(
        pipeline,
        local_sources={
            path: content
            for path, content in loaded.local_sources.items()
            if path.partition("/")[0] in tops
        },
        environment=loaded.environment,
        diagnostics=loaded.diagnostics,
    )


def convert_loaded(loaded: LoadedNotebook, directory: Path, *, force: bool) -> ConvertResult:
    """Write the project of a notebook that is already analysed."""
    pipeline = loaded.require_pipeline()
    files = render_loaded(loaded)
    written = write_project(files, directory, force=force, notebook=loaded.path)
    return ConvertResult(
        directory=directory,
        written=tuple(str(path) for path in written.written),
        unchanged=tuple(str(path) for path in written.unchanged),
        removed=tuple(str(path) for path in written.removed),
        pipeline=pipeline,
        diagnostics=loaded.diagnostics,
    )
