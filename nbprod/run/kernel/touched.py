"""What one stretch of cells had to do with the world outside: files, folders, processes.

The cache asks: would the stretch do the same again? So what it read is noted as it was when
it was opened, the absence of a file included, which files it replaced without asking what
was in them, which folders it looked through, and what no file tells.
"""

from __future__ import annotations

import glob
import os
from types import FrameType
from typing import Any

from . import callers, links
from .unlisted import OWN_FOLDER, leave_out

Signature = tuple[int, int, int]

_HARMLESS = frozenset(
    {"lscpu", "sysctl", "uname", "ldconfig", "gcc", "cc", "ld", "objdump", "fc-list", "locale"}
)
"""Programs that libraries ask about the machine they are on."""

_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec"})
_PROCESSES = frozenset({"os.fork", "os.forkpty"})
_NETWORK = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
    | {"urllib.Request"}
)
_FOLDERS = frozenset({"os.listdir", "os.scandir"})
_OF_MACHINE = ("/proc/", "/sys/")
_GLOBS = frozenset({"pathlib.Path.glob", "pathlib.Path.rglob"})
EVENTS = frozenset({*_PROGRAMS, *_PROCESSES, *_NETWORK, *_FOLDERS, *_GLOBS, "glob.glob/2"})
"""Audit events that are noted here; :mod:`.files` notes what is opened and written."""


REMOTE = "it uses the network"
CLOCK = "it asks for the time"
UNSEEDED = "it makes a random generator without a seed"


class Touched:
    """Notes of one stretch.

    Attributes:
        files: Path -> size, time and inode when it was opened for reading first; ``None``
            for a path at which nothing was.
        fresh: Files that were replaced before anything read them.
        folders: Folder -> names in it, when it was looked through first.
        patterns: Pattern, folder from which it was looked for, whether folders below count
            -> what was found.
        links: What was asked of a path, see :mod:`.links`, and the path -> the answer.
        outside: What cannot be repeated, in words.
    """

    def __init__(self) -> None:
        self.files: dict[str, Signature | None] = {}
        self.fresh: set[str] = set()
        self.folders: dict[str, list[str]] = {}
        self.patterns: dict[tuple[str, str, bool], list[str]] = {}
        self.links: dict[tuple[str, str], str] = {}
        self.outside: dict[str, None] = {}

    def read(self, path: str) -> None:
        """Note that a path is about to be opened for reading or for changing its content."""
        if os.path.realpath(path) not in self.fresh and path not in self.files:
            self.files[path] = signature(path)

    def replaced(self, path: str) -> None:
        """Note that whatever was at a path is about to be gone."""
        if path not in self.files:
            self.fresh.add(os.path.realpath(path))

    def asked_link(self, kind: str, path: str) -> None:
        """Note that somebody is about to learn where a path leads."""
        if (kind, path) not in self.links:
            self.links[kind, path] = links.answer(kind, path)

    def cannot_repeat(self, reason: str) -> None:
        """Note why the stretch cannot be repeated, in words."""
        self.outside[reason] = None

    def note(self, event: str, arguments: tuple[Any, ...], caller: FrameType) -> None:
        """Note an audit event of :data:`EVENTS`, and who caused it."""
        if event in _FOLDERS:
            if not _importing(caller):
                self._looked_through(arguments[0], caller)
        elif event == "glob.glob/2":
            self._globbed(*arguments)
        elif event in _GLOBS:
            # What it looks through is noted as well: this is for parts without wildcards.
            folder, pattern = map(os.fspath, arguments)
            below = pattern if event == "pathlib.Path.glob" else os.path.join("**", pattern)
            self._globbed(below, True, folder, None)
        elif event in _NETWORK:
            self.outside[REMOTE] = None
        elif event in _PROCESSES:
            self.outside["it starts processes of its own"] = None
        else:
            name = _program(event, arguments)
            if name not in _HARMLESS:
                self.outside[f"it runs another program ({name})"] = None

    def _globbed(self, pattern: Any, recursive: Any, root: Any, descriptor: Any) -> None:
        if descriptor is not None:
            self.cannot_repeat("it looks through a folder by its descriptor")
            return
        text, folder = os.fsdecode(pattern), os.path.abspath(os.fsdecode(root or "."))
        found = sorted(glob.glob(text, root_dir=folder, recursive=bool(recursive)))
        self.patterns.setdefault((text, folder, bool(recursive)), found)

    def _looked_through(self, folder: Any, caller: FrameType) -> None:
        if isinstance(folder, int):
            self.outside["it looks through a folder by its descriptor"] = None
            return
        path = os.path.abspath(os.fsdecode(folder or "."))
        if f"{os.path.realpath(path)}/".startswith(_OF_MACHINE) and callers.is_authors(caller):
            self.cannot_repeat("it asks about the machine or the process")
        if path not in self.folders:
            self.folders[path] = names_in(path)


def signature(path: str) -> Signature | None:
    """Return size, time of the last change and inode of what is at a path, if anything is."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, sorted, those of folders with a slash; nbprod's left out.

    None if it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(
                f"{each.name}/" if each.is_dir() else each.name
                for each in entries
                if each.name != OWN_FOLDER
            )
    except OSError:
        return []


def _program(event: str, arguments: tuple[Any, ...]) -> str:
    command = arguments[1] if event == "os.spawn" else arguments[0]
    if event == "subprocess.Popen" and command is None:
        command = arguments[1][0] if arguments[1] else ""
    words = os.fsdecode(command).split()
    return os.path.basename(words[0]) if words else ""


def _importing(caller: FrameType) -> bool:
    """Tell whether Python's import system or ``glob`` asks, whose own event is noted."""
    while caller.f_back is not None and caller.f_globals.get("__name__") == leave_out.__module__:
        caller = caller.f_back
    name = str(caller.f_globals.get("__name__", ""))
    return name.startswith("importlib") or name in {"glob", "linecache", "zipimport"}
