"""Writing a project to disk: hand-edited files are never lost, nothing is half-written."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbprod.emit.manifest import MANIFEST, Manifest, decode_manifest, digest
from nbprod.emit.project import ProjectFile
from nbprod.errors import SystemFailedError, UsageError

_NOTE = ".nbprod/source.json"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What happened to each file, by path relative to the project.

    Attributes:
        written: New or changed.
        unchanged: Had the right bytes already.
        removed: Generated earlier and no longer part of the project.
    """

    written: tuple[PurePosixPath, ...]
    unchanged: tuple[PurePosixPath, ...]
    removed: tuple[PurePosixPath, ...]


@dataclass(frozen=True, slots=True)
class WritePlan:
    """What writing a project would do; made without touching the disk.

    Attributes:
        content: Path -> bytes of every file of the project.
        changed: Paths to write, the manifest last.
        obsolete: Paths of an earlier generation to remove.
    """

    content: Mapping[str, bytes]
    changed: tuple[str, ...]
    obsolete: tuple[str, ...]


def plan_write(files: Iterable[ProjectFile], directory: Path, force: bool = False) -> WritePlan:
    """Work out what brings ``directory`` to the state that ``files`` describe.

    Args:
        files: All files of the project, ``nbprod.json`` among them.
        directory: The project's folder; it need not exist.
        force: Overwrite files that were edited by hand.

    Raises:
        UsageError: If a file was edited by hand, or the folder holds something else.
    """
    wanted = {str(file.path): file.content for file in files}
    earlier = read_manifest(directory) if directory.is_dir() else None
    _check_folder(directory, earlier)
    current = {path: _read(directory / path) for path in wanted}
    edited = _edited(directory, earlier, wanted, current)
    if edited and not force:
        raise UsageError(
            f"edited by hand, so not overwritten in {directory}: {', '.join(edited)}",
            fix="keep your edits by converting into another folder, or give --force to lose them",
        )
    obsolete = [path for path in (earlier.files if earlier else {}) if path not in wanted]
    changed = [path for path in wanted if current[path] != wanted[path]]
    # The manifest last: until it is there, the files of before count as generated.
    changed.sort(key=lambda path: (path == MANIFEST, path))
    return WritePlan(wanted, tuple(changed), tuple(obsolete))


def write_project(
    files: Iterable[ProjectFile],
    directory: Path,
    force: bool = False,
    notebook: Path | None = None,
) -> WriteResult:
    """Bring ``directory`` to the state that ``files`` describe.

    Files that nbprod did not write are left alone. A file that was edited by hand is
    overwritten, or removed, only with ``force``.

    Args:
        files: All files of the project, ``nbprod.json`` among them.
        directory: The project's folder; made if it is not there.
        force: Overwrite files that were edited by hand.
        notebook: The source notebook. If it does not lie beside the project or in it,
            its place is noted in ``.nbprod/source.json``, which git ignores.

    Raises:
        UsageError: If a file was edited by hand, or the folder holds something else.
            Nothing has been written then.
        SystemFailedError: If it cannot be written, or the disk failed while writing.
    """
    plan = plan_write(files, directory, force)
    _check_writable(directory)
    removed = []
    with _disk_failures_told(directory, "convert again"):
        directory.mkdir(parents=True, exist_ok=True)
        for path in plan.changed:
            _replace(directory / path, plan.content[path])
        for path in plan.obsolete:
            if _remove(directory, path):
                removed.append(path)
        _note_source(directory, notebook)
    unchanged = plan.content.keys() - set(plan.changed)
    return WriteResult(_paths(plan.changed), _paths(unchanged), _paths(removed))


_SEAL = re.compile(rb"\A# nbprod:([0-9a-f]{16})\n")


def sealed(content: bytes) -> bytes:
    """Put a first line before a file's content by which later hand edits show.

    For single files beside a user's own; a project has ``nbprod.json`` for that.
    """
    return f"# nbprod:{digest(content)[:16]}\n".encode() + content


def write_sealed(files: Iterable[ProjectFile], directory: Path, force: bool = False) -> None:
    """Write single files, each with a seal, into a folder that holds others.

    Args:
        files: Their content, without the seal.
        directory: What their paths are relative to.
        force: Overwrite files that nbprod did not write, or that were edited by hand.

    Raises:
        UsageError: If there is such a file. Nothing has been written then.
        SystemFailedError: If the disk failed.
    """
    wanted = {directory / file.path: sealed(file.content) for file in files}
    kept = [path for path, content in wanted.items() if not _may_overwrite(path, content)]
    if kept and not force:
        raise UsageError(
            f"not overwritten, since it was edited by hand or is not nbprod's: "
            f"{', '.join(map(str, kept))}",
            fix="move it away, or give --force to lose it",
        )
    with _disk_failures_told(directory, "try again"):
        for path, content in wanted.items():
            _replace(path, content)


@contextmanager
def _disk_failures_told(directory: Path, then: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SystemFailedError(
            f"cannot write {error.filename or directory}: {error.strerror}",
            fix=f"make room or mend the permissions, then {then}",
        ) from error


def _may_overwrite(path: Path, content: bytes) -> bool:
    present = _read(path)
    if present is None or present == content:
        return True
    match = _SEAL.match(present)
    return match is not None and digest(present[match.end() :])[:16] == match[1].decode()


def _paths(paths: Iterable[str]) -> tuple[PurePosixPath, ...]:
    return tuple(PurePosixPath(path) for path in sorted(paths))


def read_manifest(directory: Path) -> Manifest | None:
    """Read ``nbprod.json`` of ``directory``; ``None`` if there is none.

    Raises:
        UsageError: If it is damaged.
    """
    content = _read(directory / MANIFEST)
    return None if content is None else decode_manifest(content, str(directory / MANIFEST))


def edited_files(directory: Path, manifest: Mapping[str, str]) -> tuple[str, ...]:
    """Return the generated files whose bytes are no longer those that nbprod wrote.

    A file that was deleted counts as edited.
    """
    found = []
    for path, known in manifest.items():
        content = _read(directory / path) if is_inside(path) else None
        if content is None or digest(content) != known:
            found.append(path)
    return tuple(sorted(found))


def is_inside(path: str) -> bool:
    """Tell whether a path of a manifest stays within the project."""
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _edited(
    directory: Path,
    earlier: Manifest | None,
    wanted: Mapping[str, bytes],
    current: Mapping[str, bytes | None],
) -> list[str]:
    """Return files whose content is neither what was generated nor what is to be written."""
    known = earlier.files if earlier else {}
    edited = []
    for path, content in current.items():
        if content is None or path == MANIFEST or content == wanted[path]:
            continue
        if digest(content) != known.get(path):
            edited.append(path)
    for path, expected in known.items():
        if path not in wanted and is_inside(path):
            content = _read(directory / path)
            if content is not None and digest(content) != expected:
                edited.append(path)
    return sorted(edited)


def _check_folder(directory: Path, earlier: Manifest | None) -> None:
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file, not a folder", fix="name another folder with -o")
    if earlier is None and directory.is_dir():
        try:
            others = sorted(entry.name for entry in directory.iterdir())
        except OSError as error:
            raise UsageError(
                f"cannot read {directory}: {error.strerror}", fix="mend its permissions"
            ) from error
        if others:
            raise UsageError(
                f"{directory} holds other files ({', '.join(others[:3])}"
                f"{', …' if len(others) > 3 else ''}) and no project of nbprod's",
                fix="name a new or an empty folder with -o",
            )


def _check_writable(directory: Path) -> None:
    """Try the nearest folder that exists: root's permissions say nothing on a read-only disk."""
    place = next(each for each in (directory, *directory.absolute().parents) if each.exists())
    if not place.is_dir():
        raise UsageError(
            f"cannot write into {directory}: {place} is a file", fix="name another folder with -o"
        )
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise SystemFailedError(
            f"cannot write into {place}: {error.strerror}",
            fix="mend its permissions, or name another folder with -o",
        ) from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", fix="move it away, or mend its permissions"
        ) from error


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _remove(directory: Path, path: str) -> bool:
    if not is_inside(path):
        return False
    place = directory / path
    if not place.is_file():
        return False
    place.unlink()
    for folder in place.parents:
        if folder == directory or any(folder.iterdir()):
            break
        folder.rmdir()
    return True


def source_note(directory: Path, notebook: Path) -> dict[str, bytes]:
    """Return the files that note where the notebook lies, by path relative to ``directory``.

    None are needed, and the result is empty, if it lies beside the project or in it.
    """
    place = notebook.resolve()
    if place.parent in (directory.resolve().parent, directory.resolve()):
        return {}
    note = json.dumps({"notebook": str(place)}, ensure_ascii=False) + "\n"
    return {".nbprod/.gitignore": b"*\n", _NOTE: note.encode()}


def _note_source(directory: Path, notebook: Path | None) -> None:
    if notebook is None:
        return
    note = source_note(directory, notebook)
    if not note:
        (directory / _NOTE).unlink(missing_ok=True)
        return
    (directory / _NOTE).parent.mkdir(mode=0o700, exist_ok=True)
    for path, content in note.items():
        if _read(directory / path) != content:
            _replace(directory / path, content)
