"""``nbprod ci``: a workflow that runs a notebook in a CI system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbprod.emit.ci import CiRequest, Provider, render_ci
from nbprod.emit.write import write_sealed
from nbprod.run.gate import parse_gate
from nbprod.workflows.loading import load_notebook
from nbprod.workflows.subject import resolve


@dataclass(frozen=True, slots=True)
class CiWorkflowRequest:
    """For which notebook and system.

    Attributes:
        notebook: The notebook.
        provider: ``github`` or ``gitlab``.
        require: Conditions on metrics.
        parameters: ``(name, text)`` pairs.
        builds: Build a Bento at the end.
        force: Overwrite files that are there.
    """

    notebook: Path
    provider: str
    require: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    builds: bool = True
    force: bool = False


@dataclass(frozen=True, slots=True)
class CiResult:
    """The files that were written, absolute."""

    root: Path
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod ci --json``."""
        return {"root": str(self.root), "files": [str(path) for path in self.files]}


def ci(request: CiWorkflowRequest) -> CiResult:
    """Write a workflow and the lock it installs from.

    Raises:
        UsageError: Not a notebook, a wrong condition or parameter, or files that are there.
        RefusedError: The notebook has errors.
    """
    loaded = load_notebook(request.notebook)
    pipeline = loaded.require_pipeline()
    for condition in request.require:
        parse_gate(condition)
    resolve(pipeline, request.parameters, (), runs=False)
    root = repository_root(loaded.path.parent)
    wanted = CiRequest(
        Provider(request.provider),
        PurePosixPath(loaded.path.relative_to(root).as_posix()),
        request.require,
        request.parameters,
        request.builds,
    )
    files = render_ci(wanted, pipeline, loaded.environment)
    write_sealed(files, root, force=request.force)
    return CiResult(root, tuple(root / file.path for file in files))


def repository_root(folder: Path) -> Path:
    """Return the top of the repository that holds a folder; outside of one, the folder."""
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return place
    return folder
