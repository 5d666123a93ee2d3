"""Whether files and environment are as a stretch of cells found them, and how that is recorded."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbprod.run.cache.entry import Dependencies
from nbprod.run.cache.key import NoKeyError, is_counted
from nbprod.run.kernel import filestate, links, touched, variables_read
from nbprod.run.record import FileState, WrittenFile


def dependencies(
    noted: Mapping[str, Any],
    written: tuple[WrittenFile, ...],
    unseen: tuple[str, ...],
    imported: Mapping[str, Any],
) -> Dependencies:
    """Return what a stretch depends on, from what its kernel noted.

    Args:
        noted: See ``FileWatch.touched_since``.
        written: What it changed.
        unseen: Files that it may have read past Python, or that own modules were loaded from.
        imported: What own modules that it uses noted when they were imported, of the form of
            ``noted``; empty for none.

    Raises:
        NoKeyError: It cannot be told.
    """
    before = {found.before.path: found.before for found in written}
    files = {path: digest_of(path) for path in unseen}
    for path, seen in noted["files"].items():
        files[path] = _as_it_was(path, seen, before.get(os.path.realpath(path)))
    for path, seen in imported.get("files", {}).items():
        if seen != noted["files"].get(path, ()):
            files[path] = _as_imported(path, seen, before.get(os.path.realpath(path)))
    fresh = set(noted["fresh"])
    asked = {
        path: state.sha256
        for path, state in before.items()
        if path not in fresh and state.sha256 != filestate.FOLDER
    }
    if filestate.UNKNOWN in asked.values():
        path = next(path for path, found in asked.items() if found == filestate.UNKNOWN)
        raise NoKeyError(f"what {path} held before is not known")
    return Dependencies(
        files=files,
        folders={
            path: _digest(names)
            for path, names in {**noted["folders"], **imported.get("folders", {})}.items()
        },
        patterns=tuple(
            (pattern, folder, recursive, _digest(names))
            for pattern, folder, recursive, names in (
                *noted["patterns"],
                *imported.get("patterns", ()),
            )
        ),
        links=tuple(
            (kind, path, said)
            for kind, path, said in (*noted["links"], *imported.get("links", ()))
            # What it made itself was not there.
            if kind != links.THERE or said or os.path.realpath(path) not in before
        ),
        before=asked,
        variables={
            name: digest
            for name, digest in noted["variables"].items()
            if name not in _PASSING and not is_counted(name) and _said(name) == digest
        },
    )


_PASSING = frozenset(
    {"PATH", "DISPLAY", "WAYLAND_DISPLAY", "TERM", "SHELL", "PWD", "OLDPWD", "SHLVL", "_"}
    | {"XAUTHORITY", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "PYTEST_CURRENT_TEST"}
)
"""Variables of a terminal or session: libraries ask them where they are, not what to compute."""


def _said(name: str) -> str:
    value = os.environ.get(name)
    return variables_read.digest(None if value is None else os.fsencode(value))


def _as_it_was(path: str, seen: Any, before: FileState | None) -> str:  # noqa: ANN401
    """Return the digest of a file when it was read first; empty if it was not there."""
    if seen is None:
        return ""
    if before is not None:
        if before.sha256 == filestate.UNKNOWN:
            raise NoKeyError(f"what {path} held when it was read is not known")
        return before.sha256
    if touched.signature(path) != tuple(seen):
        raise NoKeyError(f"{path} changed after it was read")
    return digest_of(path)


def _as_imported(path: str, seen: Any, before: FileState | None) -> str:  # noqa: ANN401
    """Return the digest of a file when a module that was imported earlier read it."""
    since = before is not None and seen is not None
    if since and before is not None and (before.size, before.mtime_ns) != tuple(seen[:2]):
        raise NoKeyError(f"{path} changed after an own module had read it")
    return _as_it_was(path, seen, before)


def are_met(wanted: Dependencies, after: Mapping[str, FileState]) -> bool:
    """Tell whether a stretch would find what it found before.

    Args:
        wanted: What that was.
        after: What it left at the paths that it changed.
    """
    return (
        all(_is(path, digest) for path, digest in wanted.files.items())
        and all(_digest(touched.names_in(path)) == d for path, d in wanted.folders.items())
        and all(_digest(_found(*each[:3])) == each[3] for each in wanted.patterns)
        and all(links.answer(kind, path) == said for kind, path, said in wanted.links)
        and all(_is_before(path, digest, after) for path, digest in wanted.before.items())
        and all(_said(name) == digest for name, digest in wanted.variables.items())
    )


def _is(path: str, digest: str) -> bool:
    try:
        return digest_of(path) == digest
    except OSError:
        return False


def _is_before(path: str, digest: str, after: Mapping[str, FileState]) -> bool:
    now = filestate.state(path)["sha256"]
    made = path in after and after[path].sha256 == filestate.FOLDER
    return now == digest or (made and now == filestate.FOLDER)


def _found(pattern: str, folder: str, recursive: bool) -> list[str]:
    # Not pathlib's, which finds hidden files.
    return sorted(glob.glob(pattern, root_dir=folder, recursive=recursive))  # noqa: PTH207


def _digest(names: list[str]) -> str:
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def digest_of(path: str) -> str:
    """Return the sha256 of a file, empty for none.

    Raises:
        OSError: It is there, and cannot be read.
    """
    if not os.path.lexists(path):
        return ""
    if Path(path).is_dir():
        return filestate.FOLDER
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
