"""Where runs are recorded: what ``nbprod runs`` and its kin were pointed at."""

from __future__ import annotations

from pathlib import Path

from nbprod.emit.load import load_project
from nbprod.errors import UsageError
from nbprod.workflows.target import ProjectTarget, resolve_target


def place_of_runs(given: Path | None) -> tuple[Path, Path | None]:
    """Return the folder whose ``.nbprod`` counts, and the notebook if one was meant.

    Args:
        given: A notebook, a project, or any folder; ``None`` for the current folder.

    Raises:
        UsageError: If there is nothing at ``given``.
    """
    if given is None:
        return Path.cwd(), None
    if given.is_dir() and not (given / "nbprod.json").is_file():
        return given.absolute(), None
    if not given.exists():
        raise UsageError(f"{given} does not exist.", fix="Name a notebook, a project or a folder.")
    target = resolve_target(given)
    if isinstance(target, ProjectTarget):
        project = load_project(target.directory)
        notebook = project.source_notebook().resolve()
        return notebook.parent, project.notebook.absolute()
    notebook = target.path.resolve()
    return notebook.parent, notebook
