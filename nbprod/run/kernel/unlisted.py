"""Keeps the folder of nbprod's own out of what Python lists, as if there were none.

A notebook that lists the folder that it lies in finds the same as when it runs by hand.
Programs that it starts see the folder.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

OWN_FOLDER = ".nbprod"


def leave_out(beside: str) -> None:
    """Leave ``.nbprod`` in a folder out of ``os.listdir`` and ``os.scandir``, for this process.

    ``glob``, ``pathlib``, ``os.walk`` and ``shutil`` list by them.

    Args:
        beside: Absolute path of the folder that holds it.
    """
    own = os.path.join(os.path.realpath(beside), OWN_FOLDER)
    list_names, scan = os.listdir, os.scandir

    def is_beside(folder: Any) -> bool:
        try:
            where = f"/proc/self/fd/{folder}" if isinstance(folder, int) else os.fsdecode(folder)
            return os.path.realpath(os.path.join(where, OWN_FOLDER)) == own
        except (TypeError, ValueError):
            return False

    @functools.wraps(list_names)
    def listdir(path: Any = None) -> list[Any]:
        names: list[Any] = list_names(path)
        if is_beside("." if path is None else path):
            return [name for name in names if os.fsdecode(name) != OWN_FOLDER]
        return names

    @functools.wraps(scan)
    def scandir(path: Any = None) -> Any:
        found = scan(path)
        return _Entries(found) if is_beside("." if path is None else path) else found

    listdir.__module__ = scandir.__module__ = "os"  # where one who unpickles them finds them
    os.listdir, os.scandir = listdir, scandir
    os.supports_fd.update({listdir, scandir})
    globber: Any = getattr(sys.modules.get("glob"), "_StringGlobber", None)
    if getattr(globber, "scandir", None) is scan:  # Python 3.13 holds on to it
        globber.scandir = staticmethod(scandir)


class _Entries:
    """What ``os.scandir`` gives, without one entry."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def __iter__(self) -> Iterator[os.DirEntry[Any]]:
        return self

    def __next__(self) -> os.DirEntry[Any]:
        entry: os.DirEntry[Any] = next(self._found)
        return next(self._found) if os.fsdecode(entry.name) == OWN_FOLDER else entry

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._found.close()
