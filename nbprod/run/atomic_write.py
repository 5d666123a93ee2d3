"""Files that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

PART = ".part"
"""How names of files end while they are written."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path``, then move it into place.

    Raises:
        OSError: If it cannot be written; nothing is left behind.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
