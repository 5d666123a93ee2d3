"""What a verb was pointed at: a notebook, a generated project, or a built version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nbprod.errors import UsageError

_VERSION = re.compile(r"(?P<name>[a-z0-9][a-z0-9_.-]*):(?P<version>[A-Za-z0-9][A-Za-z0-9_.-]*)")


@dataclass(frozen=True, slots=True)
class NotebookTarget:
    """A notebook file."""

    path: Path


@dataclass(frozen=True, slots=True)
class ProjectTarget:
    """The folder of a generated project."""

    directory: Path


@dataclass(frozen=True, slots=True)
class VersionTarget:
    """A version in the BentoML store, as ``NAME:VERSION``."""

    name: str
    version: str


def resolve_target(given: Path) -> NotebookTarget | ProjectTarget:
    """Tell a notebook from a project.

    Raises:
        UsageError: If ``given`` is neither.
    """
    if given.is_dir():
        if not (given / "nbprod.json").is_file():
            raise UsageError(
                f"{given} is a folder, but not a project that nbprod wrote",
                fix="name a notebook, or a folder made by `nbprod convert`",
            )
        return ProjectTarget(given)
    if not given.exists():
        raise UsageError(
            f"{given} does not exist",
            fix="name a notebook (.ipynb) or a folder made by `nbprod convert`",
        )
    return NotebookTarget(given)


def resolve_deploy_target(given: Path) -> NotebookTarget | ProjectTarget | VersionTarget:
    """Like :func:`resolve_target`, and ``NAME:VERSION`` too; a file of that name wins.

    Raises:
        UsageError: If ``given`` is none of the three.
    """
    version = _VERSION.fullmatch(str(given))
    if version is not None and not given.exists():
        return VersionTarget(version["name"], version["version"])
    return resolve_target(given)
