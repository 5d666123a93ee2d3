"""States of files: what a stretch of cells wrote, kept so that it can be compared and undone.

What Python opens for writing is told by audit events, before it happens; what
libraries in C write shows when the working directory is looked through again. Contents
lie in a folder of the run under their sha256.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from typing import Any

from . import withheld

FOLDER = "folder"
"""Instead of a digest: the path is a folder."""

ABSENT = ""
"""Instead of a digest: nothing is there."""

UNKNOWN = "?"
"""Instead of a digest: what was there before is not known."""

ENTRY_LIMIT = 20_000
_NOT_LOOKED_INTO = frozenset({"__pycache__", "node_modules", "site-packages"})

LINK = "link:"
"""Instead of a digest: the path is a symbolic link to what follows."""

Signature = tuple[int, int, int]


def look(root: str, limit: int = ENTRY_LIMIT) -> dict[str, Signature] | None:
    """Return size, time and inode of each file below ``root``; ``None`` if there are too many.

    Hidden folders, virtual environments and notebooks are left out.
    """
    found: dict[str, Signature] = {}
    waiting = [root]
    entries = 0
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                inside = list(listing)
        except OSError:
            continue
        if any(entry.name == "pyvenv.cfg" for entry in inside):
            continue
        entries += len(inside)
        if entries > limit:
            return None
        for entry in inside:
            try:
                if entry.is_symlink():
                    continue
                if entry.is_dir():
                    if not entry.name.startswith(".") and entry.name not in _NOT_LOOKED_INTO:
                        waiting.append(entry.path)
                elif entry.is_file() and not entry.name.endswith((".ipynb", ".pyc", ".part")):
                    status = entry.stat()
                    found[entry.path] = (status.st_size, status.st_mtime_ns, status.st_ino)
            except OSError:
                continue
    return found


def changed(before: Mapping[str, Signature], after: Mapping[str, Signature]) -> set[str]:
    """Return the paths that are new, gone, or another."""
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}


def open_elsewhere(paths: Iterable[str]) -> set[str]:
    """Return those of ``paths`` that a process holds open for writing which is not ours.

    Ours are this process and what it started. Where there is no ``/proc`` nothing is known.
    """
    wanted = set(paths)
    found: set[str] = set()
    if not wanted or not os.path.isdir("/proc/self/fd"):
        return found
    ours = {os.getpid()}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid in ours or _parent(pid) in ours:
            ours.add(pid)
        else:
            found |= wanted & _written_by(pid)
    return found


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _written_by(pid: int) -> set[str]:
    """Return the paths that a process has open for writing, as far as we may know."""
    found: set[str] = set()
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            path = os.readlink(f"/proc/{pid}/fd/{number}")
            if path.startswith("/") and os.lstat(f"/proc/{pid}/fd/{number}").st_mode & 0o200:
                found.add(path)
    except OSError:
        return found
    return found


def state(path: str, kept: str = "") -> dict[str, Any]:
    """Return what is at a path, with a copy of a file's content in the folder ``kept``.

    Returns:
        ``{"path", "sha256", "size", "mtime_ns", "mode"}``; ``sha256`` may be one of
        the words above.
    """
    found: dict[str, Any] = {"path": path, "sha256": ABSENT, "size": 0, "mtime_ns": 0, "mode": 0}
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return {**found, "sha256": LINK + os.readlink(path)}
    except OSError:
        return found
    found.update(mtime_ns=status.st_mtime_ns, mode=status.st_mode & 0o7777)
    if os.path.isdir(path):
        found["sha256"] = FOLDER
    elif os.path.isfile(path):
        try:
            found.update(sha256=_keep(path, kept)[0], size=status.st_size)
        except withheld.SecretError as error:
            withheld.note(f"the file {path}", error.secret)
            found.update(sha256=UNKNOWN, size=status.st_size)
    else:
        found["sha256"] = UNKNOWN  # a pipe, a socket
    return found


def _keep(path: str, kept: str) -> tuple[str, bool]:
    """Keep what a file holds; return its digest, and whether nobody had kept that before.

    Raises:
        SecretError: It holds a secret, of which no copy may be made.
    """
    name = withheld.given.name_in_file(path) if kept else ""
    if name:
        raise withheld.SecretError(name)
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
        text = digest.hexdigest()
        copy = os.path.join(kept, text)
        new = bool(kept) and not os.path.exists(copy)
        if new:
            beside = f"{copy}.{os.getpid()}.part"
            file.seek(0)
            try:
                with open(beside, "wb") as target:
                    shutil.copyfileobj(file, target, 1 << 20)
                os.replace(beside, copy)
            finally:
                if os.path.exists(beside):
                    os.unlink(beside)
    return text, new


def bring(states: Iterable[Mapping[str, Any]], kept: str) -> list[str]:
    """Bring paths to given states; what is right already is not touched.

    What a file held so far is kept, too. A path that was only found changed, and now holds
    what no run or replay left there, is somebody else's: it is left as it is.

    Args:
        states: As :func:`state` gave them. One that is not known is left as it is.
        kept: Folder of the contents.

    Returns:
        Paths that could not be brought to their state, each with the reason.
    """
    failed: list[str] = []
    wanted = []
    for found in states:
        if found["sha256"] != UNKNOWN and not _as_wanted(found):
            if _keep_present(found["path"], kept) and not found.get("witnessed", True):
                failed.append(f"{found['path']} (another program changed it)")
            else:
                wanted.append(found)
    folders = [found for found in wanted if found["sha256"] == FOLDER]
    absent = [found for found in wanted if found["sha256"] == ABSENT]
    files = [found for found in wanted if found["sha256"] not in (FOLDER, ABSENT)]
    for found in sorted(folders, key=lambda each: len(str(each["path"]))):
        with contextlib.suppress(OSError):
            os.makedirs(found["path"], exist_ok=True)
    for found in sorted(absent, key=lambda each: -len(str(each["path"]))):
        path = found["path"]
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                # One that still holds something is not ours to remove.
                with contextlib.suppress(OSError):
                    os.rmdir(path)
            elif os.path.lexists(path):
                os.unlink(path)
        except OSError as error:
            failed.append(f"{path} ({error.strerror})")
    for found in files:
        try:
            _put(found, kept)
        except OSError as error:
            failed.append(f"{found['path']} ({error.strerror})")
    return failed


def _as_wanted(found: Mapping[str, Any]) -> bool:
    try:
        status = os.lstat(found["path"])
    except OSError:
        return bool(found["sha256"] == ABSENT)
    signature = (status.st_size, status.st_mtime_ns)
    is_link = found["sha256"].startswith(LINK) or stat.S_ISLNK(status.st_mode)
    is_file = found["sha256"] not in (FOLDER, ABSENT)
    if not is_link and not (is_file and signature == (found["size"], found["mtime_ns"])):
        return False
    return bool(state(found["path"])["sha256"] == found["sha256"])


def _keep_present(path: str, kept: str) -> bool:
    """Keep what is at a path if that is a file; tell whether nobody had kept that before."""
    if not os.path.isfile(path) or os.path.islink(path):
        return False
    try:
        return _keep(path, kept)[1]
    except withheld.SecretError:
        return True  # what is there cannot be brought back: nobody may overwrite it


def _put(found: Mapping[str, Any], kept: str) -> None:
    path = found["path"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if found["sha256"].startswith(LINK):
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(found["sha256"][len(LINK) :], path)
        return
    if os.path.islink(path):
        os.unlink(path)  # a file was here
    elif os.path.isfile(path) and os.stat(path).st_nlink > 1:
        # The same file has other names, which would keep what is there now.
        shutil.copyfile(os.path.join(kept, found["sha256"]), path)
        os.utime(path, ns=(found["mtime_ns"], found["mtime_ns"]))
        return
    beside = f"{path}.{os.getpid()}.part"
    try:
        shutil.copyfile(os.path.join(kept, found["sha256"]), beside)
        os.chmod(beside, found["mode"])
        os.utime(beside, ns=(found["mtime_ns"], found["mtime_ns"]))
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)
