"""How much memory the kernel's process needed, stretch by stretch."""

from __future__ import annotations

import resource
import sys


def peak_since_last() -> int:
    """Return the largest resident size since the last call, in bytes.

    Linux keeps a high-water mark that can be set back (``/proc/[pid]/clear_refs``, see
    proc(5)). Elsewhere the mark is the whole process's so far. Child processes do not
    count.
    """
    try:
        with open("/proc/self/status", "rb") as file:
            lines = [line for line in file if line.startswith(b"VmHWM:")]
        with open("/proc/self/clear_refs", "wb") as file:
            file.write(b"5")
        return int(lines[0].split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
