"""A name for this process that no other one has, also on other machines and after a restart."""

from __future__ import annotations

import os
import platform


def process_name() -> str:
    """Return the machine, the process's number, and when it began."""
    import psutil

    return f"{platform.node()} {os.getpid()} {psutil.Process().create_time():.2f}"


def is_gone(name: str) -> bool:
    """Tell whether a process surely no longer runs; of other machines nothing is known."""
    import psutil

    try:
        machine, pid, began = name.rsplit(" ", 2)
        number, time = int(pid), float(began)
    except ValueError:
        return False
    if machine != platform.node():
        return False
    try:
        return abs(psutil.Process(number).create_time() - time) > 1
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
