"""Which backend the front forwards to: what the deployment's record says now.

The record is replaced at once (``os.replace``), so following it makes a switch
atomic, and a front that was started again knows where to go. Standard library only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


class Route:
    """Follows the record of one deployment.

    Args:
        record: Path of ``deployment.json``; it need not exist yet.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._seen: tuple[int, int, int] | None = None
        self._backend = 0
        self._front = 0

    def backend_port(self) -> int:
        """Return the port of the backend that serves now, 0 if none does. Costs one ``stat``."""
        self._refresh()
        return self._backend

    def is_adopted(self, pid: int) -> bool:
        """Tell whether the record names ``pid`` as the deployment's front."""
        self._refresh()
        return self._front == pid

    def _refresh(self) -> None:
        try:
            facts = os.stat(self._record)  # noqa: PTH116 - on the path of every request
        except OSError:
            self._seen, self._backend, self._front = None, 0, 0
            return
        seen = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
        if seen == self._seen:
            return
        try:
            record = json.loads(self._record.read_bytes())
            front, backend = record["front"], record["backend"]
            self._backend = 0 if backend is None else int(record["backend_port"])
            self._front = 0 if front is None else int(front["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            self._backend, self._front = 0, 0
        self._seen = seen
