"""What a run is about: a notebook, or a generated project with the notebook it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbprod.diagnostics import Diagnostic
from nbprod.emit.load import Project, load_project
from nbprod.events import Listener, LogEvent
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.secret import PREFIX, secret_variables
from nbprod.workflows.loading import LoadedNotebook, load_notebook
from nbprod.workflows.parameter_files import read_parameter_file
from nbprod.workflows.target import ProjectTarget, resolve_target


@dataclass(frozen=True, slots=True)
class Subject:
    """A notebook or project, read and checked; nothing has run yet.

    Attributes:
        pipeline: Its steps.
        folder: Where its code runs: the notebook's folder, absolute.
        kernel: Kernel name; empty for the default one.
        diagnostics: Findings of the analysis.
        loaded: The notebook, when the target was one.
        project: The project, when the target was one.
    """

    pipeline: Pipeline
    folder: Path
    kernel: str
    diagnostics: tuple[Diagnostic, ...] = ()
    loaded: LoadedNotebook | None = None
    project: Project | None = None

    @property
    def notebook(self) -> Path:
        """The source notebook, absolute."""
        if self.loaded is not None:
            return self.loaded.path
        assert self.project is not None
        return self.project.source_notebook().resolve()


def load_subject(target: Path, kernel: str | None = None, *, strict: bool = False) -> Subject:
    """Read the notebook or project at ``target``.

    Raises:
        UsageError: If it is neither, or its notebook or kernel cannot be found.
        RefusedError: If the notebook has errors that stop it.
    """
    found = resolve_target(target)
    if isinstance(found, ProjectTarget):
        project = load_project(found.directory)
        notebook = project.source_notebook().resolve()
        name = kernel or project.pipeline.source.kernel
        return Subject(project.pipeline, notebook.parent, name, project=project)
    loaded = load_notebook(found.path, kernel, strict=strict)
    pipeline = loaded.require_pipeline()
    name = kernel or loaded.notebook.kernel_name
    return Subject(pipeline, loaded.path.parent, name, loaded.diagnostics, loaded=loaded)


def warn_of_history(
    pipeline: Pipeline, pairs: tuple[tuple[str, str], ...], listener: Listener
) -> None:
    """Say so if a secret came with ``-p``, where others may read it."""
    for name in dict.fromkeys(name for name, _ in pairs if name in pipeline.secrets):
        way = " or ".join(dict.fromkeys([*secret_variables(pipeline, [name]), f"{PREFIX}{name}"]))
        listener(
            LogEvent(
                f"The secret {name} came with -p: your shell's history keeps it, and others on "
                f"this machine can see it while it runs. Set {way} in the environment "
                "instead.",
                "warning",
            )
        )


def resolve(
    pipeline: Pipeline,
    pairs: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    *,
    runs: bool = True,
) -> Mapping[str, object]:
    """Decide every parameter's value from ``-p`` pairs, ``-f`` files and the environment.

    Raises:
        UsageError: If a name is unknown, a value is of the wrong type, or a secret is missing.
    """
    from nbprod.run.parameters import resolve_parameters

    given = [read_parameter_file(path) for path in files]
    return resolve_parameters(pipeline, pairs, given, runs=runs)
