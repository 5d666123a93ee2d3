"""Which files the user's code opens, learned from Python's audit events.

The hook only notes paths, and keeps what a file held before it is overwritten; judging
the paths (installed packages, caches, devices) waits for the report. Readers that bypass
Python's ``open`` are not seen; for what they write see :mod:`.filestate`.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from . import callers, filestate, import_draws, links, touched, variables_read, withheld

_SUFFIXES = (".pyc", ".pyo", ".py", ".so", ".pyd", ".dll", ".dylib")
_WRITING = os.O_WRONLY | os.O_RDWR


class UnkeptError(OSError):
    """A file that a replay is about to change could not be kept before."""


class AheadError(OSError):
    """A step that is computed ahead was about to change something outside of its process."""

    def __init__(self) -> None:
        super().__init__("nbprod: it changes something outside")


class FileWatch:
    """Notes the files opened while it is not paused.

    Attributes:
        kept: Folder for the contents of files; empty keeps none.
        root: Folder that is looked through for what was written unseen; empty for none.
        ahead: Refuse what changes anything outside of this process.
        on_touch: Called with the state of a path before it is written the first time.
        touched: What this stretch of cells had to do with the world outside.
        imported: What the author's modules had to do with it while they were imported, in this
            process: whoever uses them later depends on that.
    """

    def __init__(self, kept: str = "", root: str = "") -> None:
        self.kept = kept
        self.root = root
        self.ahead = False
        self.on_touch: Callable[[dict[str, Any]], None] | None = None
        self._read: set[str] = set()
        self._code: set[str] = set()
        self._written: set[str] = set()
        self._touched: set[str] = set()
        self._witnessed: set[str] = set()
        self._read_now: set[str] = set()
        self._states: dict[str, dict[str, Any]] = {}
        self._seen: dict[str, filestate.Signature] | None = None
        self.touched = touched.Touched()
        self.imported = touched.Touched()
        self._variables: dict[str, str] = {}
        self._at_start = {name: os.fsencode(text) for name, text in os.environ.items()}
        self._watching = False
        self._inside = threading.local()

    def start(self) -> None:
        """Install the audit hook; Python offers no way to remove it."""
        if self.root:
            self._seen = filestate.look(self.root)
        sys.addaudithook(self._hook)
        links.watch(self._asked_link)
        variables_read.watch(self._asked_variable)
        self._watching = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Overlook what the runtime itself opens."""
        before, self._watching = self._watching, False
        try:
            yield
        finally:
            self._watching = before

    def _asked_variable(self, name: str, value: bytes | None) -> None:
        """Note that an environment variable was read, unless the notebook has set it."""
        secret = value is not None and os.fsdecode(value) in {s for _, s in withheld.given.pairs}
        if self._watching and not secret and value == self._at_start.get(name):
            self._variables.setdefault(name, variables_read.digest(value))

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _NOTED or getattr(self._inside, "hook", False):
            return
        self._inside.hook = True
        known = len(self.touched.outside)
        try:
            caller = sys._getframe(1)
            if callers.loads_own_module(caller):
                self._note_imported(event, arguments, caller)
            if self._watching:
                self._note(event, arguments, caller)
        except (UnkeptError, AheadError):
            raise  # what cannot be put back is not overwritten
        except Exception:
            return
        finally:
            self._inside.hook = False
        if self.ahead and len(self.touched.outside) > known:
            raise AheadError

    def _note(self, event: str, arguments: tuple[Any, ...], caller: FrameType) -> None:
        if event in touched.EVENTS:
            self.touched.note(event, arguments, caller)
            return
        if event == "open":
            path, mode, flags = _absolute(arguments[0]), *arguments[1:]
            if not _is_text(path):
                self.touched.cannot_repeat("the name of a file is no text")
                return
            by_import = callers.is_import_system(caller)
            self._opened(path, mode, flags, by_import=by_import)
            for reason in _beyond_files(path, mode, caller):
                self.touched.cannot_repeat(reason)
            return
        if event in _MODES:
            path = os.path.realpath(_absolute(arguments[0]))
            if path not in self._touched and is_users(path):  # not what the step made itself
                self.touched.cannot_repeat("it changes the mode or the times of a file")
            return
        for path in map(_absolute, _EVENTS[event](arguments)):
            if _changes_nothing(event, path) and os.path.realpath(path) not in self._touched:
                self.touched.asked_link(links.THERE, path)
            self._touch(path)
        if event == "os.link":
            self.touched.read(_absolute(arguments[0]))
        elif event == "os.rename":
            self.touched.replaced(_renamed(arguments)[1])
        elif event == "sqlite3.connect" and arguments[0] not in ("", ":memory:"):
            self.touched.cannot_repeat("it uses a database")

    def _note_imported(self, event: str, arguments: tuple[Any, ...], caller: FrameType) -> None:
        if event in touched.EVENTS:
            self.imported.note(event, arguments, caller)
        elif event == "open":
            path, mode, flags = _absolute(arguments[0]), *arguments[1:]
            if callers.is_import_system(caller) and path.endswith(_SUFFIXES):
                return  # code counts by itself
            writes, empties = _purposes(mode, flags)
            if writes and empties:
                self.imported.replaced(path)
            elif not flags & os.O_WRONLY:  # a log that grows is not read
                self.imported.read(path)
            for reason in _beyond_files(path, mode, caller):
                self.imported.cannot_repeat(reason)
        elif event == "sqlite3.connect":
            self.imported.cannot_repeat("it uses a database")

    def _asked_link(self, kind: str, path: Any, folder: int) -> None:
        if getattr(self._inside, "hook", False) or callers.is_runtime(sys._getframe(3)):
            return
        absolute = _absolute(path, folder)
        if callers.loads_own_module(sys._getframe(3)):
            self.imported.asked_link(kind, absolute)
        if self._watching:
            self.touched.asked_link(kind, absolute)

    def was_read(self, path: str) -> None:
        """Note that a file is about to be read past Python."""
        if callers.loads_own_module(sys._getframe(1)):
            self.imported.read(path)
        if self._watching:
            self.touched.read(path)

    def is_written(self, path: str, replaced: bool) -> None:
        """Note that a file is about to be written past Python.

        Args:
            path: Where it is, or will be.
            replaced: Nothing remains of what it held.

        Raises:
            OSError: What it holds cannot be kept.
        """
        if self._watching:
            if replaced:
                self.touched.replaced(path)
            self._written.add(path)
            self._touch(path)

    def _opened(self, path: str, mode: Any, flags: Any, *, by_import: bool) -> None:
        if by_import and path.endswith(_SUFFIXES) and not self._below_root(path):
            return
        writes, empties = _purposes(mode, flags)
        is_code = by_import and not writes and path.endswith(_SUFFIXES)  # which counts by itself
        if not is_code and not (writes and empties):
            self.touched.read(path)
        if writes:
            if empties:
                self.touched.replaced(path)
            self._written.add(path)
            self._touch(path)
        elif path.endswith(_SUFFIXES):
            self._code.add(path)
        else:
            self._read.add(path)
            self._read_now.add(path)

    def _below_root(self, path: str) -> bool:
        return bool(self.root) and path.startswith(self.root + os.sep)

    def _touch(self, path: str) -> None:
        """Note that a path is about to change; keep what is there."""
        path = os.path.realpath(path)
        if not self.kept or not self._matters(path) or not _is_text(path):
            return
        if self.ahead:
            raise AheadError
        self._touched.add(path)
        self._witnessed.add(path)
        if path not in self._states:
            try:
                found = filestate.state(path, self.kept)
            except OSError as error:
                if self.on_touch is not None:
                    words = f"cannot be kept ({error.strerror})"
                    raise UnkeptError(error.errno, words, path) from error
                self._states[path] = _unseen(path, new=False)
                return
            self._states[path] = found
            if self.on_touch is not None:
                self.on_touch(found)

    def _matters(self, path: str) -> bool:
        if path.endswith(".pyc") or not is_users(path) or path in _folders_of_tools():
            return False
        return self._below_root(path) or "joblib_memmapping_folder" not in path

    def changes(self) -> list[dict[str, Any]]:
        """Return what was written since the last call.

        Returns:
            One state per path, see :func:`filestate.state`, with ``before``, what
            was there earlier, and ``witnessed``: this process was seen to write it.
        """
        with self.paused():
            candidates = {path for path in self._touched | self._found_changed() if _is_text(path)}
            self._touched.clear()
            found: list[dict[str, Any]] = []
            for path in sorted(candidates):
                before = self._states.get(path) or _unseen(path, new=True)
                try:
                    now_there = filestate.state(path, self.kept)
                except OSError:
                    now_there = _unseen(path, new=False)
                self._states[path] = now_there
                kinds = (filestate.ABSENT, filestate.FOLDER, filestate.UNKNOWN)
                if not now_there["sha256"] == before["sha256"] in kinds:
                    witnessed = path in self._witnessed
                    found.append({**now_there, "before": before, "witnessed": witnessed})
            return found

    def _found_changed(self) -> set[str]:
        """Return the paths that another look shows to be changed, whoever did it."""
        now = filestate.look(self.root) if self._seen is not None else None
        before, self._seen = self._seen, now
        if before is None or now is None:
            return set()
        new = {
            os.path.realpath(path): path not in before for path in filestate.changed(before, now)
        }
        unseen = {path for path in new if path not in self._touched and self._matters(path)}
        # A log or an event file that somebody else has open is not the notebook's work.
        unseen -= filestate.open_elsewhere(unseen)
        for path in unseen:
            self._states.setdefault(path, _unseen(path, new=new[path]))
        return unseen

    def read_since(self) -> list[str]:
        """Return the user's files that were read since the last call."""
        with self.paused():
            found = sorted({os.path.realpath(path) for path in self._read_now if _counts(path)})
            self._read_now.clear()
            return found

    def module_names(self) -> dict[str, str]:
        """Return where the user's own modules that are loaded lie, and their names."""
        with self.paused():
            return {
                os.path.realpath(file): name
                for name, module in list(sys.modules.items())
                if name != "__main__"
                and isinstance(file := getattr(module, "__file__", None), str)
                and file.endswith(".py")
                and is_users(file)  # most are not, and need no look at the disk
                and _counts(file)
            }

    def touched_since(self) -> dict[str, Any]:
        """Return what was read and asked since the last call, see :class:`.touched.Touched`.

        What modules had to do with it when they were imported is ``imported``, of the same form.
        ``variables`` are those of the environment that were read since the kernel started, and
        digests of what they said: a library may keep what it read then.
        """
        with self.paused():
            found, self.touched = self.touched, touched.Touched()
            return {
                **_told(found),
                "imported": _told(self.imported),
                "variables": dict(self._variables),
            }

    def report(self) -> dict[str, Any]:
        """Return ``{"read": [path], "written": [path], "modules": [path]}``, absolute, sorted.

        ``modules`` is the user's own code that was imported or read.
        """
        loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        code = {path for path in loaded if isinstance(path, str) and is_users(path)} | self._code
        with self.paused():
            return {
                "modules": sorted({os.path.realpath(path) for path in code if _counts(path)}),
                "read": sorted({os.path.realpath(path) for path in self._read if _counts(path)}),
                "written": sorted(
                    {os.path.realpath(path) for path in self._written if _counts(path)}
                ),
            }


def _told(found: touched.Touched) -> dict[str, Any]:
    return {
        # As they were named: a link may lead elsewhere the next time.
        "files": {
            path: seen for path, seen in found.files.items() if _decides(os.path.realpath(path))
        },
        "fresh": sorted(found.fresh),
        "folders": {
            path: names
            for path, names in found.folders.items()
            if _decides(os.path.realpath(path) + os.sep)
        },
        "patterns": [[*key, names] for key, names in found.patterns.items()],
        "links": [
            [kind, path, said]
            for (kind, path), said in found.links.items()
            if _decides(path) or _decides(said)
        ],
        "outside": list(found.outside),
    }


def _purposes(mode: Any, flags: Any) -> tuple[bool, bool]:
    """Tell whether a file is opened for writing, and whether that empties it."""
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+"), "w" in mode
    numbers = flags if isinstance(flags, int) else 0
    return bool(numbers & _WRITING), bool(numbers & os.O_TRUNC)


def _beyond_files(path: str, mode: Any, caller: FrameType) -> Iterator[str]:
    """Yield what reading a path would tell that no file holds."""
    if mode is None and os.path.isdir(path):
        yield "it opens files by the descriptor of a folder"
    path = os.path.normpath(path)
    real = os.path.realpath(path) if os.path.islink(path) else path
    if (
        path in _STREAMS
        or not f"{real}{os.sep}".startswith(_DEVICES)
        or import_draws.is_importing()
    ):
        return
    if path in ("/dev/random", "/dev/urandom"):
        if callers.is_authors(caller):
            yield "it draws from the system's randomness"
    elif callers.is_authors(caller) or not real.startswith(_ASKED_BY_LIBRARIES):
        yield "it asks about the machine or the process"


def _changes_nothing(event: str, path: str) -> bool:
    """Tell whether a folder that is to be made is there, or nothing that is to be removed.

    Those who ask for that mostly do not mind. Should it be otherwise, they would act.
    """
    if event == "os.mkdir":
        return os.path.isdir(path)
    return event in {"os.remove", "os.rmdir"} and not os.path.lexists(path)


def _unseen(path: str, *, new: bool) -> dict[str, Any]:
    sha256 = filestate.ABSENT if new else filestate.UNKNOWN
    return {"path": path, "sha256": sha256, "size": 0, "mtime_ns": 0, "mode": 0}


def _absolute(path: Any, folder: int = -1) -> str:
    path = os.fsdecode(os.fspath(path))
    if os.path.isabs(path):
        return str(path)
    base = os.getcwd()
    if isinstance(folder, int) and folder >= 0:
        base = os.readlink(f"/proc/self/fd/{folder}")
    return os.path.join(base, path)


def _is_text(path: str) -> bool:
    """Tell whether a path can be written down: names of files may be any bytes."""
    return path.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in path)


def _renamed(arguments: tuple[Any, ...]) -> list[str]:
    source, target, source_folder, target_folder = arguments
    return [_absolute(source, source_folder), _absolute(target, target_folder)]


def _first(arguments: tuple[Any, ...]) -> list[str]:
    folder = arguments[-1] if len(arguments) > 1 else -1
    return [_absolute(arguments[0], folder)]


def _made(arguments: tuple[Any, ...]) -> list[str]:
    return [_absolute(arguments[0], arguments[2])]


def _target(arguments: tuple[Any, ...]) -> list[str]:
    return [_absolute(arguments[1])]


_EVENTS: dict[str, Callable[[tuple[Any, ...]], list[str]]] = {
    "open": _first,
    "os.remove": _first,
    "os.rmdir": _first,
    "os.rename": _renamed,
    "os.truncate": lambda arguments: [_absolute(arguments[0])],
    "os.mkdir": _made,
    "os.link": _target,
    "os.symlink": _target,
    "sqlite3.connect": lambda arguments: [_absolute(arguments[0])],
}
"""Audit events that tell of writing, and the paths they concern."""

_MODES = frozenset({"os.chmod", "os.chown", "os.utime", "os.setxattr"})
_NOTED = _EVENTS.keys() | touched.EVENTS | _MODES


def _counts(path: str) -> bool:
    """Tell whether ``path`` is a file of the user's, not of Python's or the system's."""
    real = os.path.realpath(path)
    return os.path.isfile(real) and is_users(real)


def is_users(real: str) -> bool:
    """Tell whether a real path is the user's, not one of Python's or the system's."""
    parts = real.split(os.sep)
    if "site-packages" in parts or "__pycache__" in parts or ".nbprod" in parts:
        return False
    return not real.startswith(_excluded()) or real.startswith("/dev/shm/")  # noqa: S108


def _decides(real: str) -> bool:
    """Tell whether what is at a real path may decide what a step gives."""
    return is_users(real) or real.startswith("/etc/")


@functools.cache
def _excluded() -> tuple[str, ...]:
    folders = callers.installed_folders()
    folders.update({"/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share"})
    folders.add(os.path.dirname(__file__))
    folders.update(_of_tools())
    own = tuple(os.path.realpath(folder) + os.sep for folder in folders if folder != "/")
    return own + tuple(os.path.realpath(name) for name in _of_matplotlib())


def _of_tools() -> Iterator[str]:
    """Yield folders that Jupyter and libraries keep for themselves below the user's home.

    Data that somebody downloaded lies beside them: no more than these may be left out.
    """
    home = os.path.expanduser("~")
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    yield from (os.path.join(home, name) for name in (".ipython", ".jupyter"))
    yield os.path.join(home, ".local", "share", "jupyter")
    yield from (os.path.join(caches, name) for name in _TOOLS)
    yield from (os.path.join(settings, name) for name in ("matplotlib", "fontconfig", "jupyter"))


@functools.cache
def _folders_of_tools() -> frozenset[str]:
    """Return the folders that tools make on a fresh machine, and those around them."""
    home = os.path.realpath(os.path.expanduser("~"))
    found = {os.path.realpath(os.environ.get("MPLCONFIGDIR") or os.path.join(home, ".matplotlib"))}
    for folder in map(os.path.realpath, _of_tools()):
        while folder.startswith(home + os.sep):
            found.add(folder)
            folder = os.path.dirname(folder)
    return frozenset(found)


def _of_matplotlib() -> Iterator[str]:
    """Yield beginnings of what matplotlib writes where its settings are."""
    folders = (os.environ.get("MPLCONFIGDIR"), os.path.join(os.path.expanduser("~"), ".matplotlib"))
    for folder in folders:
        if folder:
            yield from (os.path.join(folder, name) for name in ("fontlist-v", "tex.cache"))


_TOOLS = (
    *("matplotlib", "fontconfig", "pip", "uv", "jedi", "parso", "black", "ruff", "mypy"),
    *("jupyter", "ipython", "nbprod", "mesa_shader_cache", "nvidia", "torch/kernels"),
)
"""Caches that change by themselves, and hold nothing that anybody computes with."""

_DEVICES = ("/proc/", "/sys/", "/dev/")
_STREAMS = frozenset({"/dev/null", "/dev/tty", "/dev/stdin", "/dev/stdout", "/dev/stderr"})
_ASKED_BY_LIBRARIES = (
    *("/sys/", "/dev/", "/proc/cpuinfo", "/proc/meminfo", "/proc/version", "/proc/sys/"),
    *("/proc/self/", f"/proc/{os.getpid()}/", "/proc/filesystems", "/proc/mounts"),
)
"""Where libraries look to find out what the machine can do."""
