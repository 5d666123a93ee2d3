"""Steps computed ahead by processes of this machine, see :mod:`.job`."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from nbprod.run.ahead.choice import cores, free_memory
from nbprod.run.ahead.job import Answer, Job, answer_of, start_process
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

    everything = False
    """Only what runs beside something else is worth a process of its own."""

    def open(self, session: Session, kernel: str) -> None:
        """See how much memory there is."""
        del session, kernel
        self._free = free_memory()

    def takes(self, peak: int, beside: Sequence[int]) -> bool:
        """Tell whether a step can begin now."""
        if not beside:
            return True
        return len(beside) < min(self.jobs, cores()) and sum(beside) + peak <= self._free

    def start(self, job: Job, session: Session, peak: int) -> LocalStep:
        """Let a process compute a step."""
        del session, peak
        job.folder.make()
        with job.folder.kernel_log.open("wb") as log:
            process = start_process(job, log)
        return LocalStep(job.step, time.monotonic(), job, process)

    def close(self) -> None:
        """Nothing is left to do."""
