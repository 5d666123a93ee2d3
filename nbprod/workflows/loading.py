"""Read and analyse a notebook: the first thing every verb does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nbprod.diagnostics import Diagnostic, has_errors, promoted
from nbprod.errors import RefusedError
from nbprod.notebook.local_sources import read_local_sources
from nbprod.notebook.read import Notebook, read_notebook
from nbprod.pipeline.build import build
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline


@dataclass(frozen=True, slots=True)
class LoadedNotebook:
    """A notebook with all that is known about it before anything runs.

    Attributes:
        path: Absolute path of the notebook.
        notebook: Its cells.
        environment: The environment of its kernel.
        local_sources: The author's own modules that it imports, path to bytes.
        pipeline: Its steps; ``None`` if they could not be found.
        diagnostics: Everything worth telling.
    """

    path: Path
    notebook: Notebook
    environment: Environment
    local_sources: dict[str, bytes]
    pipeline: Pipeline | None
    diagnostics: tuple[Diagnostic, ...]

    def require_pipeline(self) -> Pipeline:
        """Return the pipeline.

        Raises:
            RefusedError: If there are errors that stop a conversion, a run or a deploy.
        """
        if self.pipeline is None or has_errors(self.diagnostics):
            raise RefusedError(
                f"{self.path.name} has errors that have to be mended first",
                diagnostics=self.diagnostics,
                fix="mend the cells named above, then try again",
            )
        return self.pipeline


def load_notebook(path: Path, kernel: str | None = None, *, strict: bool = False) -> LoadedNotebook:
    """Read and analyse the notebook at ``path``.

    Args:
        path: The notebook.
        kernel: Kernel name to use instead of the notebook's own.
        strict: Warnings count as errors.

    Raises:
        UsageError: If it is no Python notebook, cannot be read, or its kernel is missing.
    """
    loaded = analyse_notebook(read_notebook(path), path, kernel)
    return replace(loaded, diagnostics=promoted(loaded.diagnostics)) if strict else loaded


def analyse_notebook(notebook: Notebook, path: Path, kernel: str | None = None) -> LoadedNotebook:
    """Analyse a notebook that is already read.

    Args:
        notebook: The notebook.
        path: Where it lies, or would lie: its local modules are looked for beside it.
        kernel: Kernel name to use instead of the notebook's own.

    Raises:
        UsageError: If its kernel is missing.
    """
    from nbprod.run.environment import collect_environment

    absolute = path.resolve()
    environment = collect_environment(kernel or notebook.kernel_name)
    code = tuple(cell.source for cell in notebook.cells if cell.kind == "code")
    local_sources = read_local_sources(absolute.parent, code, environment.distributions)
    pipeline, diagnostics = build(notebook, environment, local_sources)
    return LoadedNotebook(absolute, notebook, environment, local_sources, pipeline, diagnostics)
