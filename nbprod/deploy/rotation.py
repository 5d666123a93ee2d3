"""A log file that cannot fill the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO


class RotatingLog:
    """Appends bytes to a file and keeps a few older parts beside it (``.1`` is the newest).

    A log that cannot be written (a full disk) loses lines: the service goes on.

    Args:
        path: The file; its folder must exist.
        most_bytes: Size at which the file is put aside.
        parts: How many older parts stay.
    """

    def __init__(self, path: Path, most_bytes: int = 5_000_000, parts: int = 3) -> None:
        self._path = path
        self._most = most_bytes
        self._parts = parts
        self._file: BinaryIO | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with contextlib.suppress(OSError):
            if self._file is None:
                self._open()
            elif self._size + len(data) > self._most and self._size:
                self._rotate()
            if self._file is not None:
                self._file.write(data)
                self._size += len(data)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._size = os.fstat(descriptor).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._parts - 1, 0, -1):
            older = part(self._path, number)
            if older.exists():
                older.replace(part(self._path, number + 1))
        self._path.replace(part(self._path, 1))
        self._open()


def part(path: Path, number: int) -> Path:
    """Return the path of an older part of a log; 1 is the newest."""
    return path.with_name(f"{path.name}.{number}")
