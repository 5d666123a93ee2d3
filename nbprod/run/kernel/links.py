"""Tells which symbolic links are asked where they lead: no audit event does."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable
from typing import Any

LEADS = "leads"
"""Asked of a path: the one that all links in it lead to."""

SAYS = "says"
"""Asked of a link: the text that it holds."""

THERE = "there"
"""Asked of any path: whether a folder or something else is there."""

_resolve, _read = os.path.realpath, os.readlink
_here = threading.local()


def watch(asked: Callable[[str, Any, int], None]) -> None:
    """Call a function before ``os.path.realpath`` and ``os.readlink``, by which pathlib asks.

    Args:
        asked: Gets :data:`LEADS` or :data:`SAYS`, the path, and the descriptor of the folder that
            it is relative to, -1 for the working directory.
    """

    def tell(kind: str, path: Any, folder: int = -1) -> bool:
        """Tell of what the code asks itself, not of what that asks in turn."""
        if getattr(_here, "asking", False):
            return False
        _here.asking = True
        with contextlib.suppress(Exception):  # who asked is told
            asked(kind, path, folder)
        return True

    @functools.wraps(_resolve)
    def realpath(filename: Any, **options: Any) -> Any:
        told = tell(LEADS, filename)
        try:
            return _resolve(filename, **options)
        finally:
            _here.asking = _here.asking and not told

    @functools.wraps(_read)
    def readlink(path: Any, *, dir_fd: Any = None) -> Any:
        told = tell(SAYS, path, -1 if dir_fd is None else dir_fd)
        try:
            return _read(path, dir_fd=dir_fd)
        finally:
            _here.asking = _here.asking and not told

    readlink.__module__ = "os"  # where one who unpickles it finds it
    os.path.realpath, os.readlink = realpath, readlink
    os.supports_dir_fd.add(readlink)


def answer(kind: str, path: str) -> str:
    """Return what is said to who asks now; empty for no link, and where nothing is."""
    if kind == THERE:
        return ("folder" if os.path.isdir(path) else "file") if os.path.lexists(path) else ""
    try:
        return _resolve(path) if kind == LEADS else _read(path)
    except (OSError, ValueError):
        return ""
