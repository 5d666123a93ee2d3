"""One deploy per name at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nbprod.errors import UsageError


@contextmanager
def deploy_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of one deployment.

    The kernel holds it (``flock``), so it ends with the process however that
    ends: there are no stale locks. The file's text only tells who holds it.

    Args:
        folder: The deployment's folder; must exist.
        name: The deployment's name, for the message.

    Raises:
        UsageError: Another command works on this deployment now.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"Another nbprod command is working on service '{name}'{_holder(descriptor)}.",
                fix="Wait until it has ended, or stop it.",
            ) from None
        os.ftruncate(descriptor, 0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": now}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return f" (process {told['pid']}, since {told['since']})"
    except (ValueError, KeyError, TypeError):
        return ""  # it has the lock but has not said so yet
