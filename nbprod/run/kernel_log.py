"""The log of what a kernel's process writes by itself, with secrets taken out on the way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nbprod.run.kernel import withheld

_BUFFER = 1 << 16
_LONGEST_WAIT = 5.0  # seconds; a process that outlives its kernel may hold the pipe open


@contextmanager
def kernel_log(path: Path) -> Iterator[IO[bytes]]:
    """Open the log for a kernel to write into: the file itself, unless there are secrets.

    Raises:
        OSError: If it cannot be written.
    """
    with path.open("ab") as file:
        if not withheld.given:
            yield file
            return
        read, write = os.pipe()
        thread = threading.Thread(target=_copy, args=(read, file), daemon=True)
        thread.start()
        try:
            with os.fdopen(write, "wb", buffering=0) as stream:
                yield stream
        finally:
            thread.join(_LONGEST_WAIT)


def _copy(read: int, file: IO[bytes]) -> None:
    with os.fdopen(read, "rb", buffering=0) as source:
        pending = b""
        while data := source.read(_BUFFER):
            pending += data
            # Whole lines; of one that does not end, all but what may begin a secret.
            end = pending.rfind(b"\n") + 1 or max(0, len(pending) - _BUFFER)
            _write(file, pending[:end])
            pending = pending[end:]
        _write(file, pending)


def _write(file: IO[bytes], data: bytes) -> None:
    text = withheld.given.redact(data.decode("utf-8", "surrogateescape"))
    try:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.flush()
    except (OSError, ValueError):
        return  # a full disk, or the log is closed: the kernel must not wait for us
