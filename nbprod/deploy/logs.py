"""The log of a deployment: read its end, or follow it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from nbprod.deploy import store
from nbprod.deploy.deployment import DeploymentState
from nbprod.deploy.rotation import part
from nbprod.errors import UsageError

_BLOCK = 65536
_POLL_SECONDS = 0.3


def last_lines(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log and of its older parts, without line ends; ``[]`` if none."""
    found: list[str] = []
    for number in range(10):
        older = part(path, number) if number else path
        missing = lines - len(found)
        if missing <= 0:
            break
        if number and not older.exists():
            break
        found = _tail(older, missing) + found
    return found


def read_log(name: str, *, lines: int = 100, follow: bool = False) -> Iterator[str]:
    """Yield the last lines of a deployment's log, then new ones if asked.

    Args:
        name: The deployment's name.
        lines: How many old lines.
        follow: Go on with lines as they come, over rotations and new versions,
            until the deployment is stopped.

    Raises:
        UsageError: There is no such deployment.
    """
    path = _log_of(name)
    if path is None:
        raise unknown(name)
    return _read(name, path, lines, follow)


def unknown(name: str) -> UsageError:
    """Return the error for a name that is not deployed; it lists those that are."""
    known = ", ".join(deployment.name for deployment in store.read_all())
    return UsageError(
        f"No service named '{name}' is deployed.",
        fix=f"Deployed are: {known}." if known else "Nothing is deployed yet: nbprod deploy NB.",
    )


def _read(name: str, path: Path, lines: int, follow: bool) -> Iterator[str]:
    position = path.stat().st_size if path.exists() else 0
    # Read the old lines up to that very place, so that none is lost or told twice.
    yield from _tail(path, lines, position) if follow else last_lines(path, lines)
    if follow:
        yield from _follow(name, path, position)


def _follow(name: str, path: Path, position: int) -> Iterator[str]:
    rest = b""
    inode = _inode(path)
    while True:
        present = _log_of(name) or path
        rotated = _inode(path) != inode
        source = part(path, 1) if rotated else path
        data = _from(source, position)
        position += len(data)
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        if data:
            continue
        if rotated:
            inode, position = _inode(path), 0
        elif present != path:
            path, position = present, 0
            inode = _inode(path)
        else:
            deployment = store.read(name)
            if deployment is None or deployment.state is DeploymentState.STOPPED:
                return
            time.sleep(_POLL_SECONDS)


def _log_of(name: str) -> Path | None:
    deployment = store.read(name)
    if deployment is not None and deployment.log_path:
        return Path(deployment.log_path)
    # A first deploy that failed has no record, but its log tells why.
    logs = store.deployment_folder(name) / "logs"
    found = sorted(logs.glob("*.log"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _from(path: Path, position: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(_BLOCK)
    except OSError:
        return b""


def _tail(path: Path, lines: int, end: int | None = None) -> list[str]:
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            place = file.seek(0, os.SEEK_END) if end is None else end
            data = b""
            while place and data.count(b"\n") <= lines:
                step = min(_BLOCK, place)
                place -= step
                file.seek(place)
                data = file.read(step) + data
    except OSError:
        return []
    return [line.decode("utf-8", "replace") for line in data.splitlines()[-lines:]]
