"""The folder of a run: ``.nbprod/runs/<run_id>`` beside the notebook."""

from __future__ import annotations

import errno
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbprod.errors import SystemFailedError
from nbprod.run.atomic_write import PART, write_atomically

STATE_FOLDER = ".nbprod"

RESERVE = 1 << 17
"""Bytes kept free for a run's end: on a full disk, record and output notebook fit there."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: Absolute path of the folder.
        run_id: Its name.
    """

    path: Path
    run_id: str

    @property
    def output(self) -> Path:
        """The output notebook."""
        return self.path / "output.ipynb"

    @property
    def kernel_log(self) -> Path:
        """What the kernel process itself wrote, apart from the cells' output."""
        return self.path / "kernel.log"

    @property
    def artifacts(self) -> Path:
        """Folder of the variables saved at step boundaries."""
        return self.path / "artifacts"

    @property
    def reserve(self) -> Path:
        """A file that only takes up space, until it is needed at the run's end."""
        return self.path / ".reserve"

    def release_reserve(self) -> None:
        """Free the space that was kept for the run's end."""
        self.reserve.unlink(missing_ok=True)

    def remove_parts(self) -> None:
        """Remove what was half-written when a kernel was killed."""
        for folder in (self.artifacts, self.files, self.models):
            for path in folder.rglob(f"*{PART}"):
                path.unlink(missing_ok=True)

    @property
    def files(self) -> Path:
        """Folder of the contents of files that the cells wrote, named by their digests."""
        return self.path / "files"

    @property
    def models(self) -> Path:
        """Folder of the model facts, one folder per variable."""
        return self.path / "models"

    @property
    def ahead(self) -> Path:
        """Folder of what is computed ahead of the run, while it is."""
        return self.path / "ahead"

    def make(self) -> None:
        """Make the folder and those in it.

        Raises:
            OSError: It cannot be made, or is there.
        """
        self.path.mkdir(mode=0o700, parents=True)
        for folder in (self.artifacts, self.files, self.models):
            folder.mkdir()


def new_run_id() -> str:
    """Return a run id: the time in UTC, and six random digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def state_folder(beside: Path) -> Path:
    """Return ``.nbprod`` in a folder, made (0700, ignored by git) if it is not there.

    Raises:
        OSError: If it cannot be made.
    """
    folder = beside / STATE_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    _ignore(folder / ".gitignore")
    return folder


def _ignore(path: Path) -> None:
    """Let git ignore a folder, unless its ``.gitignore`` says something else by hand.

    An empty one was not: a full disk left it.
    """
    if not path.exists() or not path.stat().st_size:
        write_atomically(path, b"*\n")


def create_run_folder(beside: Path) -> RunFolder:
    """Make the folder of a new run.

    Args:
        beside: The notebook's folder.

    Raises:
        SystemFailedError: If it cannot be written.
    """
    run_id = new_run_id()
    path = beside.absolute() / STATE_FOLDER / "runs" / run_id
    folder = RunFolder(path, run_id)
    try:
        state_folder(beside)
        folder.make()
        folder.reserve.write_bytes(b"\0" * RESERVE)
    except OSError as error:
        fix = "Make the notebook's folder writable, or copy the notebook to one that is."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            shutil.rmtree(path, ignore_errors=True)
            fix = "Free some space there, or copy the notebook to a disk that has some."
        raise SystemFailedError(
            f"The run cannot be recorded in {beside / STATE_FOLDER}: {error.strerror}.", fix=fix
        ) from error
    return folder


def run_folders(beside: Path) -> tuple[Path, ...]:
    """Return the folders of all runs beside a notebook, oldest first."""
    runs = beside / STATE_FOLDER / "runs"
    return tuple(sorted(path for path in runs.iterdir() if path.is_dir())) if runs.is_dir() else ()
