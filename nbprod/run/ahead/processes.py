"""Steps computed ahead by processes of this machine, see :mod:`.job`."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from nbprod.run.ahead.choice import cores, free_memory
from nbprod.run.ahead.job import Answer, Job, answer_of, give, start_process
from nbprod.run.cache.session import Session

_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""


@dataclass
class LocalStep:
    """A step that a process computes."""

    step: str
    began: float
    job: Job
    process: subprocess.Popen[bytes]

    def answer(self) -> Answer | None:
        """Return how it went; ``None`` while it is computed."""
        if self.process.poll() is None:
            return None
        shutil.rmtree(self.job.folder.path, ignore_errors=True)
        return answer_of(self.process)

    def stop(self) -> None:
        """Stop the process, and its kernel with it."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        self.process.kill()
        self.process.communicate()


@dataclass
class Processes:
    """This machine.

    Attributes:
        jobs: At most so many steps at a time.
    """

    jobs: int
    _free: int = 0
    _idle: list[subprocess.Popen[bytes]] = field(default_factory=list)

    everything = False
    """Only what runs beside something else is worth a process of its own."""

    def warm_up(self) -> None:
        """Start processes that wait for a step, while there is none yet."""
        while len(self._idle) < self._at_most:
            self._idle.append(start_process())

    def open(self, session: Session, kernel: str) -> None:
        """See how much memory there is."""
        del session, kernel
        self._free = free_memory()

    def takes(self, peak: int, beside: Sequence[int]) -> bool:
        """Tell whether a step can begin now."""
        if not beside:
            return True
        return len(beside) < self._at_most and sum(beside) + peak <= self._free

    def start(self, job: Job, session: Session, peak: int) -> LocalStep:
        """Let a process compute a step."""
        del session, peak
        job.folder.make()
        process = self._idle.pop() if self._idle else start_process()
        give(process, job)
        return LocalStep(job.step, time.monotonic(), job, process)

    def close(self) -> None:
        """End the processes that wait."""
        for process in self._idle:
            process.communicate()  # closes its stdin: there is nothing more to do
        self._idle.clear()

    @property
    def _at_most(self) -> int:
        return min(self.jobs, cores())
