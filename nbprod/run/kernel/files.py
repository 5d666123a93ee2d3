"""Which files the user's code opens, learned from Python's audit events.

The hook only notes paths; judging them (installed packages, caches, devices) waits
for the report. Readers that bypass Python's ``open`` are not seen.
"""

from __future__ import annotations

import os
import site
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SUFFIXES = (".pyc", ".pyo", ".py", ".so", ".pyd", ".dll", ".dylib")
_WRITING = os.O_WRONLY | os.O_RDWR


class FileWatch:
    """Notes the files opened while it is not paused."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        self._written: set[str] = set()
        self._watching = False

    def start(self) -> None:
        """Install the audit hook; Python offers no way to remove it."""
        sys.addaudithook(self._hook)
        self._watching = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Overlook what the runtime itself opens."""
        before, self._watching = self._watching, False
        try:
            yield
        finally:
            self._watching = before

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not self._watching:
            return
        try:
            path, mode, flags = arguments
            if isinstance(path, bytes):
                path = os.fsdecode(path)
            if not isinstance(path, str) or path.endswith(_SUFFIXES):
                return
            path = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
            writes = isinstance(flags, int) and flags & _WRITING
            if isinstance(mode, str):
                writes = any(letter in mode for letter in "wax+")
            (self._written if writes else self._read).add(path)
        except Exception:
            return

    def report(self) -> dict[str, Any]:
        """Return ``{"read": [path], "written": [path]}``, absolute and sorted."""
        with self.paused():
            return {
                "read": sorted({os.path.realpath(path) for path in self._read if _counts(path)}),
                "written": sorted(
                    {os.path.realpath(path) for path in self._written if _counts(path)}
                ),
            }


def _counts(path: str) -> bool:
    """Tell whether ``path`` is data of the user's, not of Python's or the system's."""
    real = os.path.realpath(path)
    if not os.path.isfile(real):
        return False
    parts = real.split(os.sep)
    if "site-packages" in parts or "__pycache__" in parts or ".nbprod" in parts:
        return False
    return not real.startswith(_excluded())


def _excluded() -> tuple[str, ...]:
    home = os.path.expanduser("~")
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)}
    folders.update(site.getsitepackages())
    folders.update({"/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share"})
    folders.update(os.path.join(home, name) for name in (".ipython", ".jupyter", ".cache"))
    folders.update(os.path.join(home, name) for name in (".config", ".matplotlib"))
    folders.add(os.path.join(home, ".local", "share", "jupyter"))
    folders.add(os.path.join(tempfile.gettempdir(), "joblib_memmapping"))
    return tuple(os.path.realpath(folder) + os.sep for folder in folders if folder != "/")
