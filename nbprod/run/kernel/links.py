"""Tells where links lead to, and what is looked for in vain: no audit event does."""

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
_stat, _lstat = os.stat, os.lstat
_here = threading.local()


def watch(asked: Callable[[str, Any, int], None]) -> None:
    """Call a function before ``os.path.realpath`` and ``os.readlink``, by which pathlib asks.

    Also when ``os.stat`` finds nothing, by which libraries ask whether there is a file: should
    one appear, they would read it.

    Args:
        asked: Gets :data:`LEADS`, :data:`SAYS` or :data:`THERE`, the path, and the descriptor of
            the folder that it is relative to, -1 for the working directory.
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

    def telling(look: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(look)
        def looked(path: Any, *, dir_fd: Any = None, **options: Any) -> Any:
            try:
                return look(path, dir_fd=dir_fd, **options)
            except (FileNotFoundError, NotADirectoryError):
                told = tell(THERE, path, -1 if dir_fd is None else dir_fd)
                _here.asking = _here.asking and not told
                raise

        return looked

    stat, lstat = telling(_stat), telling(_lstat)
    for function in (readlink, stat, lstat):
        function.__module__ = "os"  # where one who unpickles it finds it
    os.path.realpath, os.readlink, os.stat, os.lstat = realpath, readlink, stat, lstat
    os.supports_dir_fd.update({readlink, stat})
    os.supports_fd.add(stat)
    os.supports_follow_symlinks.add(stat)


def answer(kind: str, path: str) -> str:
    """Return what is said to who asks now; empty for no link, and where nothing is."""
    if kind == THERE:
        return ("folder" if os.path.isdir(path) else "file") if os.path.lexists(path) else ""
    try:
        return _resolve(path) if kind == LEADS else _read(path)
    except (OSError, ValueError):
        return ""
