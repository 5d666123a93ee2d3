"""Which process it is: a pid alone is not enough, since the system gives it out again."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process that we started, told apart from a later one with the same pid.

    Attributes:
        pid: Process id.
        started: When it started, in a form that no change of the wall clock
            touches: boot id and clock ticks since boot on Linux, the creation
            time elsewhere. Compared, never computed with.
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessMark:
        """Return the mark of a running process.

        Raises:
            psutil.NoSuchProcess: It does not run any more.
        """
        return cls(pid, _start_of(pid))

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs; ``None`` for a dead, defunct or other one."""
        try:
            if _start_of(self.pid) != self.started:
                return None
            process = psutil.Process(self.pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.AccessDenied:
            return None  # another user's process: not one of ours
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        """Tell whether the very process still runs."""
        return self.process() is not None


def _start_of(pid: int) -> str:
    if sys.platform != "linux":
        return f"{psutil.Process(pid).create_time():.2f}"
    # psutil's creation time moves when the wall clock is set; the kernel's own count does not.
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError as gone:
        raise psutil.NoSuchProcess(pid) from gone
    ticks = text.rpartition(")")[2].split()[19]
    return f"{_boot_id()}:{ticks}"


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def wait_until_gone(mark: ProcessMark, seconds: float) -> bool:
    """Wait up to ``seconds`` for a process to end; reap it if it is our child.

    Returns:
        Whether it is gone.
    """
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(ChildProcessError, OSError):
            os.waitpid(mark.pid, os.WNOHANG)
        if not mark.alive():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


def family(mark: ProcessMark) -> tuple[psutil.Process, ...]:
    """Return the process and all its descendants that run now; empty when it is gone."""
    process = mark.process()
    if process is None:
        return ()
    try:
        return (process, *process.children(recursive=True))
    except psutil.NoSuchProcess:
        return ()


def kill_all(processes: Iterable[psutil.Process], seconds: float = 5.0) -> None:
    """Kill processes and wait until they are gone. psutil refuses recycled pids itself."""
    victims = list(processes)
    for process in victims:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(victims, timeout=seconds)


def terminate(mark: ProcessMark) -> None:
    """Send SIGTERM if the very process still runs."""
    process = mark.process()
    if process is not None:
        with contextlib.suppress(psutil.Error):
            process.terminate()
